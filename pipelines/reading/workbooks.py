"""An .xlsx workbook -> its sheets' cells as text, with what the fast reader leaves out: errors and missing results."""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from xml.etree import ElementTree
from xml.parsers import expat

import fastexcel
import polars as pl

from pipelines.reading import faults
from pipelines.reading.containers import Container
from pipelines.reading.delimited import MAX_CELLS
from pipelines.reading.faults import Unreadable

RELATIONSHIP_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATIONSHIP_ID = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
# as calamine names them -> as people see them in the cell
ERRORS = {
    "NA": "#N/A",
    "Div0": "#DIV/0!",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
ERROR_DETAIL = re.compile(r"Error\((\w+)\)")
REFERENCE = re.compile(r"([A-Z]{1,4})([0-9]{1,8})")
MAX_TEXT = 250_000_000
MAX_FORMULAS = 500_000

# A sheet is as big as its outermost cells are apart, however few there are: only those within Z9999 are beyond doubt,
# and only as common programs write them. Cells that have nothing but a format count for nothing.
UNUSUAL_CELL = re.compile(rb'<c[\s>](?!r="[A-Z][0-9]{1,4}"|r="[A-Z]{1,3}[0-9]{1,7}"(?: s="[0-9]+")?/>)')
PREFIXED_CELL = b":c"
Result = TypeVar("Result")
FORMULAS = re.compile(rb"<(?:\w+:)?f[\s/>]")


@dataclass
class Layout:
    """Where a sheet's cells are; rows and columns count from 0."""

    first_column: int = 0
    cells: int = 0
    text: int = 0
    formulas: dict[tuple[int, int], str] = field(default_factory=dict)  # those without a stored result


class Workbook:
    """An open workbook. Raises Unreadable where the reader can't open it or a text would be beyond all measure."""

    def __init__(self, container: Container):
        self._container = container
        self._paths = _sheet_paths(container)
        self._shared = container.entry("xl/sharedStrings.xml")
        # no more than this many bytes for any one text
        self._longest = max(map(len, self._shared.content.split(b"si>"))) if self._shared else 0
        self._reader = _carefully(lambda: fastexcel.read_excel(container.data))

    @property
    def sheets(self) -> list[str]:
        """The sheets' names, in the workbook's order."""
        return [name for name, _, _ in self._paths]

    def is_hidden(self, position: int) -> bool:
        """Whether people do not see the sheet."""
        return self._paths[position][1]

    def layout(self, position: int) -> Layout | None:
        """Where the cells are, or None where nothing out of the ordinary is to be known.

        Raises Unreadable where the sheet is beyond all measure, or is not what a sheet must be.
        """
        entry = self._container.entry(self._paths[position][2])
        if entry is None:
            raise Unreadable(faults.TRUNCATED)
        xml = entry.content
        much_text = self._longest * xml.count(b"<c") > MAX_TEXT
        if not (much_text or _is_unusual(xml) or (b"<f" in xml and FORMULAS.search(xml))):
            return None
        layout = _lay_out(xml, _text_lengths(self._shared.content) if much_text else [])
        if layout.cells > MAX_CELLS or layout.text > MAX_TEXT:
            raise Unreadable(faults.TOO_LARGE)
        return layout

    def read_cells(self, position: int) -> pl.DataFrame:
        """The cells of a sheet, from its first row on, as text, columns named "0", "1", ...

        Dates are ISO dates with a time; a cell in error holds the error as people see it, and a formula without a
        stored result its formula. Raises Unreadable like `layout`.
        """
        layout = self.layout(position)
        name, _, path = self._paths[position]

        def load() -> tuple[pl.DataFrame, list[tuple[int, int, str]]]:
            sheet = self._reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            if layout is None and b't="e"' not in self._container.entry(path).content:
                return sheet.to_polars(), []
            batch, errors = sheet.to_arrow_with_errors()
            frame = pl.from_arrow(batch) if batch.num_columns else pl.DataFrame()
            return frame, [(*error.position, error.detail) for error in (errors.errors if errors else [])]

        frame, errors = _carefully(load)
        frame.columns = [str(i) for i in range(frame.width)]
        frame = _patched(frame, {(row, column): _error_text(detail) for row, column, detail in errors})
        if layout:
            frame = _patched(_anchored(frame, layout.first_column), layout.formulas)
        return frame


def _carefully(call: Callable[[], Result]) -> Result:
    """What the reader gives; whatever it stumbles over means that the file is not what it says."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, MemoryError, Unreadable):
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        raise Unreadable(faults.TRUNCATED) from error


def _sheet_paths(container: Container) -> list[tuple[str, bool, str]]:
    """Name, hidden and entry of every sheet, in the workbook's order."""

    def read() -> list[tuple[str, bool, str]]:
        targets = {}
        for relation in _tree(container, "xl/_rels/workbook.xml.rels"):
            target = posixpath.normpath(posixpath.join("/xl", relation.get("Target", "")))
            targets[relation.get("Id")] = target.removeprefix("/")
        sheets = [element for element in _tree(container, "xl/workbook.xml").iter() if _local(element.tag) == "sheet"]
        return [
            (
                sheet.get("name", ""),
                sheet.get("state", "visible") != "visible",
                targets.get(sheet.get(RELATIONSHIP_ID) or sheet.get(STRICT_RELATIONSHIP_ID), ""),
            )
            for sheet in sheets
        ]

    return _carefully(read)


def _tree(container: Container, name: str) -> ElementTree.Element:
    entry = container.entry(name)
    if entry is None:
        raise Unreadable(faults.TRUNCATED)
    return ElementTree.fromstring(entry.content)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2]


def _is_unusual(xml: bytes) -> bool:
    """Whether a sheet's XML has to be read to know how far its cells are apart."""
    root = xml.find(b"<worksheet")
    return not 0 <= root < 2_000 or b"<!" in xml[:root] or PREFIXED_CELL in xml or UNUSUAL_CELL.search(xml) is not None


def _text_lengths(xml: bytes) -> list[int]:
    """The length of every shared text, in order."""
    texts = [element for element in _carefully(lambda: ElementTree.fromstring(xml)) if _local(element.tag) == "si"]
    return [sum(len(part.text or "") for part in text.iter() if _local(part.tag) == "t") for text in texts]


def _error_text(detail: str) -> str:
    found = ERROR_DETAIL.search(detail)
    return ERRORS.get(found[1], "#ERROR!") if found else "#ERROR!"


def _anchored(frame: pl.DataFrame, first_column: int) -> pl.DataFrame:
    """The reader starts at the first column with anything in it; here the sheet's first column is the first."""
    if not first_column or not frame.width:
        return frame
    frame.columns = [str(i + first_column) for i in range(frame.width)]
    before = [pl.lit(None, dtype=pl.String).alias(str(i)) for i in range(first_column)]
    return frame.select(*before, pl.all())


def _patched(frame: pl.DataFrame, patches: dict[tuple[int, int], str]) -> pl.DataFrame:
    """The frame with the texts at their places; it grows where a place is outside."""
    if not patches:
        return frame
    height = max(frame.height, max(row for row, _ in patches) + 1)
    width = max(frame.width, max(column for _, column in patches) + 1)
    columns = {str(i): frame[str(i)] if i < frame.width else pl.Series([], dtype=pl.String) for i in range(width)}
    columns = {name: column.extend_constant(None, height - len(column)) for name, column in columns.items()}
    by_column: dict[str, dict[int, str]] = {}
    for (row, column), text in patches.items():
        by_column.setdefault(str(column), {})[row] = text
    for name, texts in by_column.items():
        columns[name] = columns[name].scatter(list(texts), list(texts.values()))
    return pl.DataFrame(columns)


def _lay_out(xml: bytes, shared_lengths: list[int]) -> Layout:
    """Where the cells of a sheet are, from its XML. Raises Unreadable where that is not well-formed."""
    scan = _SheetScan(shared_lengths)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = scan.start
    parser.CharacterDataHandler = scan.characters
    parser.EndElementHandler = scan.end
    parser.StartDoctypeDeclHandler = scan.refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError) as error:
        raise Unreadable(faults.TRUNCATED) from error
    return Layout(scan.first_column, scan.height * scan.width, scan.text, scan.formulas)


class _SheetScan:
    """What an XML parser tells of a sheet's cells, gathered."""

    def __init__(self, shared_lengths: list[int]):
        self._shared_lengths = shared_lengths
        self._row = self._column = -1
        self._kind = ""
        self._formula: str | None = None
        self._value: str | None = None
        self._inside = ""
        self._top = self._bottom = self._left = self._right = -1
        self._left_with_value = -1
        self.text = 0
        self.formulas: dict[tuple[int, int], str] = {}

    @property
    def height(self) -> int:
        return self._bottom - self._top + 1

    @property
    def width(self) -> int:
        return self._right - self._left + 1

    @property
    def first_column(self) -> int:
        """The leftmost with a value: a formula without a result is nothing to the fast reader."""
        return max(self._left_with_value, 0)

    def refuse(self, *_: object) -> None:
        """A workbook's parts declare no document type; one that does is a trick."""
        raise Unreadable(faults.TRUNCATED)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = self._inside = _local(tag)
        if name == "row":
            self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
            self._column = -1
        elif name == "c":
            self._kind, self._formula, self._value = attributes.get("t", "n"), None, None
            reference = REFERENCE.fullmatch(attributes.get("r", ""))
            if reference:
                self._row, self._column = int(reference[2]) - 1, _column_number(reference[1])
            else:
                self._column += 1
        elif name == "f":
            self._formula = ""
        elif name in ("v", "is"):
            self._value = ""

    def characters(self, text: str) -> None:
        if self._inside == "f" and self._formula is not None:
            self._formula += text
        elif self._inside in ("v", "t") and self._value is not None:
            self._value += text

    def end(self, tag: str) -> None:
        self._inside = ""
        if _local(tag) != "c":
            return
        # an empty text is a result, as of =IF(A2="","",...); an empty number is none
        if self._formula is not None and not self._value and (self._value is None or self._kind != "str"):
            self.formulas[self._row, self._column] = f"={self._formula}"
            if len(self.formulas) > MAX_FORMULAS:
                raise Unreadable(faults.TOO_LARGE)
        elif self._value is None:
            return
        elif self._left_with_value < 0 or self._column < self._left_with_value:
            self._left_with_value = self._column
        if self._left < 0:
            self._top, self._left = self._row, self._column
        self._top, self._bottom = min(self._top, self._row), max(self._bottom, self._row)
        self._left, self._right = min(self._left, self._column), max(self._right, self._column)
        self.text += self._text_length()

    def _text_length(self) -> int:
        value = self._value or ""
        if self._kind == "s" and value.strip().isdecimal() and int(value) < len(self._shared_lengths):
            return self._shared_lengths[int(value)]
        return len(value)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
