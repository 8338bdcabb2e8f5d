"""The school's own return in its feedback workbook: each row at its own number, the cells at fault marked.

A term's workbooks hold millions of cells. What is not marked is made into a sheet's XML by Polars, for many returns at
once; only marked rows are gone through one by one.
"""

from dataclasses import dataclass, field
from html import escape
from math import ceil

import duckdb
import polars as pl
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from expectations.contracts import Contract, Table
from pipelines.feedback.cells import (
    FINE,
    FINE_QUOTED,
    FORMULA_STARTS,
    LONGEST_CELL,
    Formats,
    height,
    like_a_formula,
    visible,
)
from pipelines.reading.feedback_sheets import NOTES_HEADER, SURPLUS_HEADER

SURPLUS_RULE = ".row.surplus"  # how the codes of the rules about it end
NOTES_WIDTH = 60
MOST_COMMENTS = 2_000  # a sheet; beyond that Excel grows slow, and colour and the notes column say the same

# a text of this form would be read back as the character that it names
_LIKE_AN_ESCAPE = r"_(x[0-9A-Fa-f]{4}_)"


@dataclass(frozen=True)
class ReceivedTable:
    """One table of one return, as received."""

    rows: pl.DataFrame  # row_number, the fields and surplus as visible text, in order of row_number
    cells: list[str]  # of each row: its cells as XML, none marked
    longest: dict[str, int]  # column -> characters of its longest text

    @property
    def has_surplus(self) -> bool:
        """Whether any row has cells beyond the last column."""
        return bool(self.longest.get("surplus"))


@dataclass
class Mark:
    """What is wrong with one cell."""

    is_error: bool = False
    sentences: list[str] = field(default_factory=list)

    @property
    def look(self) -> str:
        """The format of the cell."""
        return "error" if self.is_error else "query"


@dataclass(frozen=True)
class TableFindings:
    """What the sheet of one table shows of its issues."""

    marks: dict[tuple[int, int], Mark]  # (row number, column from 0) -> what is wrong in that cell
    notes: dict[int, str]  # row number -> the same in words: for print, and for whoever cannot see colours or comments


class ReturnSheet(Worksheet):
    """A worksheet whose rows are XML already."""

    rows_as_xml = ""

    def _write_sheet_data(self) -> None:
        self.fh.write(f"<sheetData>{self.rows_as_xml}</sheetData>")


def received_tables(
    connection: duckdb.DuckDBPyConnection, contract: Contract, return_ids: list[str]
) -> dict[str, dict[str, ReceivedTable]]:
    """return_id -> table -> its rows as received, blank rows left out; only tables that were sent."""
    found: dict[str, dict[str, ReceivedTable]] = {}
    if not return_ids:
        return found
    sent = connection.execute(
        """
        SELECT DISTINCT return_id, table_name FROM raw.sheets
        WHERE found AND known AND list_contains(?, return_id)
        """,
        [return_ids],
    ).fetchall()
    for name, table in contract.tables.items():
        columns = [*table.fields, "surplus"]
        rows = _rows(connection, table, return_ids)
        empty = ReceivedTable(rows.drop("return_id", "cells").clear(), [], {})
        for return_id in [return_id for return_id, of in sent if of == name]:
            found.setdefault(return_id, {})[name] = empty
        of_returns = rows.group_by("return_id", maintain_order=True).agg(
            pl.len().alias("height"), pl.col(columns).str.len_chars().max()
        )
        start = 0
        for of_return in of_returns.iter_rows(named=True):
            return_id, rows_sent = of_return.pop("return_id"), of_return.pop("height")
            its_rows = rows.slice(start, rows_sent)
            longest = {column: length or 0 for column, length in of_return.items()}
            found.setdefault(return_id, {})[name] = ReceivedTable(
                its_rows.drop("return_id", "cells"), its_rows["cells"].to_list(), longest
            )
            start += rows_sent
    return found


def _rows(connection: duckdb.DuckDBPyConnection, table: Table, return_ids: list[str]) -> pl.DataFrame:
    """Rows of one table of some returns: return_id, row_number, fields and surplus as visible text, cells (XML)."""
    texts = ", ".join(f'"{name}__text" AS "{name}"' for name in table.fields)
    columns = [*table.fields, "surplus"]
    rows = connection.sql(
        f"""
        SELECT return_id, row_number, {texts}, surplus FROM raw."{table.name}"
        WHERE return_id IN (SELECT unnest($ids)) ORDER BY return_id, row_number
        """,
        params={"ids": return_ids},
    ).pl()
    return rows.with_columns(visible(pl.col(columns))).with_columns(
        cells=pl.concat_str([_cell(name, xl_col_to_name(place)) for place, name in enumerate(columns)])
    )


def _cell(name: str, letters: str) -> pl.Expr:
    """A column of text as cells that hold text, never a formula; nothing for a blank one."""
    text = pl.col(name)
    begins_like_a_formula = pl.any_horizontal(text.str.starts_with(start) for start in FORMULA_STARTS)
    style = pl.when(begins_like_a_formula).then(pl.lit(str(FINE_QUOTED))).otherwise(pl.lit(str(FINE)))
    escaped = text.str.replace_many({"&": "&amp;", "<": "&lt;", ">": "&gt;"}).str.replace_all(
        _LIKE_AN_ESCAPE, "_x005F_${1}"
    )
    cell = pl.format(
        '<c r="{}{}" s="{}" t="inlineStr"><is><t xml:space="preserve">{}</t></is></c>',
        pl.lit(letters),
        pl.col("row_number"),
        style,
        escaped,
    )
    return pl.when(text != "").then(cell).otherwise(pl.lit(""))


def findings_of_table(table: Table, issues: pl.DataFrame | None) -> TableFindings:
    """Where the table's issues (in order of importance) are seen in its sheet.

    An issue about a whole row, or a whole sheet, marks its first column; one about a column marks its heading.
    """
    marks: dict[tuple[int, int], Mark] = {}
    notes: dict[int, list[str]] = {}
    for issue in issues.iter_rows(named=True) if issues is not None else ():
        is_error, number = issue["severity"] == "error", issue["row_number"] or 1
        word = "Error" if is_error else "Query"
        names = [name.strip() for name in (issue["fields"] or issue["field"] or "").split(",")]
        names = [name for name in names if name in table.fields]
        whole = [len(table.fields)] if issue["rule_code"].endswith(SURPLUS_RULE) else [0]
        for column in [column_of(table, name) for name in names] or whole:
            mark = marks.setdefault((number, column), Mark())
            mark.is_error |= is_error
            mark.sentences.append(
                f"{word.upper()}: {issue['message']}\nWhat to do: {issue['remedy']}\n{issue['until_corrected']}."
            )
        if number > 1:
            place = " and ".join(names) or "this row"
            notes.setdefault(number, []).append(f"{word} in {place}: {issue['message']}")
    return TableFindings(marks, {number: "\n".join(lines)[:LONGEST_CELL] for number, lines in notes.items()})


def column_of(table: Table, name: str | None) -> int | None:
    """Place of a field among the table's columns, from 0; None for a name that the contract has not."""
    return list(table.fields).index(name) if name in table.fields else None


def write_return_sheet(
    sheet: ReturnSheet,
    formats: Formats,
    table: Table,
    received: ReceivedTable | None,
    findings: TableFindings,
    author: str,
) -> None:
    """One table as received, in the contract's order of columns; without `received` its headings alone."""
    marks, notes = findings.marks, findings.notes
    fields = list(table.fields)
    headers = [*fields, SURPLUS_HEADER] if received and received.has_surplus else fields.copy()
    if notes:
        headers.append(NOTES_HEADER)
    rows = dict(zip(received.rows["row_number"], received.cells, strict=True)) if received else {}
    rows |= _marked_rows(formats, received, fields, findings, len(headers) - 1)
    header = "".join(
        _xml(1, column, _heading_style(formats, marks.get((1, column))), text) for column, text in enumerate(headers)
    )
    sheet.rows_as_xml = f'<row r="1" ht="30" customHeight="1">{header}</row>' + "".join(
        f'<row r="{number}"{_row_height(notes.get(number))}>{cells}</row>' for number, cells in sorted(rows.items())
    )
    # gives the sheet its size: the cells themselves are in the XML
    sheet.write_blank(0, 0, None, formats.header)
    sheet.write_blank(max(rows, default=1) - 1, len(headers) - 1, None, formats.header)
    for column, name in enumerate([*fields, *headers[len(fields) :]]):
        longest = received.longest.get("surplus" if name == SURPLUS_HEADER else name, 0) if received else 0
        width = NOTES_WIDTH if name == NOTES_HEADER else min(max(ceil(len(name) / 2) + 3, longest + 2, 9), 34)
        sheet.set_column(column, column, width, formats.plain["fine", False])
    for (number, column), mark in sorted(marks.items())[:MOST_COMMENTS]:
        _comment(sheet, number, column, mark, author)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)


def _marked_rows(
    formats: Formats,
    received: ReceivedTable | None,
    fields: list[str],
    findings: TableFindings,
    notes_column: int,
) -> dict[int, str]:
    """Row number -> its cells as XML, with their marks and the note beside them; a blank cell at fault is marked too."""
    texts = {}
    if received and findings.notes:
        marked = received.rows.filter(pl.col("row_number").is_in(list(findings.notes)))
        texts = {row["row_number"]: row for row in marked.iter_rows(named=True)}
    columns = [*fields, "surplus"]
    rows = {}
    for number, note in findings.notes.items():
        cells = []
        for column, name in enumerate(columns):
            text, mark = texts.get(number, {}).get(name) or "", findings.marks.get((number, column))
            if text or mark:
                style = formats.style(mark.look if mark else "fine", like_a_formula(text))
                cells.append(_xml(number, column, style, text))
        cells.append(_xml(number, notes_column, formats.wrapped._get_xf_index(), note))
        rows[number] = "".join(cells)
    return rows


def _xml(number: int, column: int, style: int, text: str) -> str:
    place = f'<c r="{xl_col_to_name(column)}{number}" s="{style}"'
    if not text:
        return f"{place}/>"
    return f'{place} t="inlineStr"><is><t xml:space="preserve">{escape(text, quote=False)}</t></is></c>'


def _heading_style(formats: Formats, mark: Mark | None) -> int:
    return formats.style(mark.look, False) if mark else formats.header._get_xf_index()


def _row_height(note: str | None) -> str:
    return f' ht="{height(note, NOTES_WIDTH)}" customHeight="1"' if note else ""


def _comment(sheet: Worksheet, number: int, column: int, mark: Mark, author: str) -> None:
    text = "\n\n".join(mark.sentences)[:8_000]
    lines = sum(1 + len(line) // 42 for line in text.split("\n"))
    size = {"width": 290, "height": min(30 + 17 * lines, 500)}
    sheet.write_comment(number - 1, column, text, {"author": author, "font_name": "Arial", "font_size": 9, **size})
