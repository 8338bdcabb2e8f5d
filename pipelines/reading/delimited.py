"""A CSV file -> its cells as text: encodings, delimiters, line ends and stray quotes."""

import csv
import io
import re
from collections.abc import Iterable
from itertools import zip_longest

import polars as pl

from pipelines.reading import faults
from pipelines.reading.faults import Unreadable
from pipelines.reading.headers import match

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# the 27 characters that Windows-1252 has where Latin-1 has control characters; its five holes stay control characters
WINDOWS_1252 = {
    byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
DELIMITERS = (",", ";", "\t")
# the sheet as a rectangle: beyond this a reader takes memory out of all proportion to the file
MAX_CELLS = 5_000_000
MAX_FAILED_QUOTES = 1_000


def read_cells(content: bytes, fields: Iterable[str]) -> pl.DataFrame:
    """The cells of a CSV file, every row (blank ones too) and column as text, columns named "0", "1", ...

    `fields` are the columns to expect; they decide the delimiter. Raises Unreadable for UTF-16 without its byte order
    mark, and where the number of cells is beyond all measure.
    """
    text = decode(content)
    delimiter = _delimiter(text, tuple(fields))
    if text.count(delimiter) + text.count("\n") + text.count("\r") > MAX_CELLS:
        raise Unreadable(faults.TOO_LARGE)
    records = _records(text, delimiter)
    width = max(map(len, records), default=0)
    if width * len(records) > MAX_CELLS:
        raise Unreadable(faults.TOO_LARGE)
    columns = [pl.Series(str(i), column, dtype=pl.String) for i, column in enumerate(zip_longest(*records))]
    return pl.DataFrame(columns)


def decode(content: bytes) -> str:
    """UTF-8 with or without byte order mark, UTF-16 with it, else Windows-1252. Raises Unreadable for UTF-16 without."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    if is_utf16_without_mark(content):
        raise Unreadable(faults.UTF16_WITHOUT_BOM)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1").translate(WINDOWS_1252)


def is_utf16_without_mark(content: bytes) -> bool:
    """Every second byte of plain letters in UTF-16 is NUL; a NUL in a cell does not come so often."""
    if content.startswith(tuple(BYTE_ORDER_MARKS)):
        return False
    head = content[:400]
    first, second = head[0::2].count(0) * 2, head[1::2].count(0) * 2
    return len(head) >= 4 and max(first, second) > 0.8 * len(head) and min(first, second) < 0.2 * len(head)


def _delimiter(text: str, fields: tuple[str, ...]) -> str:
    """The one that finds most of the expected columns in the header; the comma where none does."""

    def found(delimiter: str) -> int:
        return sum(name is not None for name in match(_header(text, delimiter), fields))

    return max(DELIMITERS, key=found)


def _header(text: str, delimiter: str) -> list[str]:
    line = re.match(r"[^\r\n]*", text)[0]
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _records(text: str, delimiter: str) -> list[list[str]]:
    """The rows of a text. A stray quote is a character like others: it must not swallow the rows below it."""
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return _records_with_stray_quotes(text, delimiter)
    if '"' in text and _has_swallowed_rows(records, delimiter):
        return _records_with_stray_quotes(text, delimiter)
    return records


def _has_swallowed_rows(records: list[list[str]], delimiter: str) -> bool:
    """Whether a quoted line end stands where two whole rows' delimiters are."""
    width = len(records[0]) if records else 0
    return width > 1 and any(
        len(record) - 1 + sum(cell.count(delimiter) for cell in record if "\n" in cell or "\r" in cell)
        >= 2 * (width - 1)
        for record in records
        if any("\n" in cell or "\r" in cell for cell in record)
    )


def _records_with_stray_quotes(text: str, delimiter: str) -> list[list[str]]:
    """Like the csv module, but a quote opens a cell only where one closes it before a delimiter or the line's end."""
    ends = re.escape(delimiter) + r"\r\n"
    quoted = re.compile(rf'"([^"]*+(?:""[^"]*+)*+)"(?=[{ends}]|\Z)')
    quoted_in_line = re.compile(rf'"([^"\r\n]*+(?:""[^"\r\n]*+)*+)"(?=[{ends}]|\Z)')
    plain = re.compile(rf"[^{ends}]*+")
    line_end = re.compile(r"\r\n|\r|\n")
    records: list[list[str]] = []
    record: list[str] = []
    at = failed = 0
    while at < len(text):
        cell = None
        if text[at] == '"':
            # a text made to be slow can't be: after so many failures no quoted cell may go over a line's end
            cell = (quoted if failed < MAX_FAILED_QUOTES else quoted_in_line).match(text, at)
            width = len(records[0]) if records else 0
            if cell and ("\n" in cell[1] or "\r" in cell[1]) and len(record) + cell[1].count(delimiter) >= width:
                cell = quoted_in_line.match(text, at)
            failed += cell is None
        if cell:
            record.append(cell[1].replace('""', '"'))
        else:
            cell = plain.match(text, at)
            record.append(cell[0])
        at = cell.end()
        end = line_end.match(text, at)
        if end or at >= len(text):
            records.append([] if record == [""] else record)
            record = []
            at = end.end() if end else at
        else:
            at += 1
            if at >= len(text):  # the delimiter is the last character: an empty cell follows
                records.append([*record, ""])
                record = []
    return records
