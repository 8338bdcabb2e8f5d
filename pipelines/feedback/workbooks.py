"""The feedback workbook: every issue, in order of importance, and the school's own return with the cells at fault marked.

Everything that a school sent is written as text, whatever it looks like, and what a workbook cannot hold is shown in a
form that can be seen: control and invisible characters by their symbol, the end of an overlong cell by what was left out.
"""

import io
from dataclasses import dataclass, field

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from expectations.contracts import Contract, Table
from pipelines.feedback.letters import ReturnFacts, counted, uk_date
from pipelines.settings import Settings

ISSUES_SHEET = "Issues"
READ_ME_SHEET = "Read me"
NOTES_HEADER = "feedback"
SURPLUS_HEADER = "beyond the last column"

# a cell holds 32,767 UTF-16 units, of which a character takes two at most
LONGEST_CELL = 16_000
LONGEST_VALUE = 300
MOST_COMMENTS = 2_000  # a sheet; beyond that Excel grows slow, and colour and the notes column say the same
MOST_LINKS = 10_000

INK = "#1D1D1B"
BAND = "#0B5FA5"
ERROR_FILL, ERROR_INK = "#F8C9C0", "#7A1209"
QUERY_FILL, QUERY_INK = "#FFEDB3", "#5C3D00"

_INVISIBLE = [*range(0x7F, 0xA0), 0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)]
_SHOWN = (
    {chr(code): chr(0x2400 + code) for code in range(0x20) if chr(code) != "\n"}
    | {chr(code): f"⟨U+{code:04X}⟩" for code in [*_INVISIBLE, 0xFEFF, *range(0xFFF9, 0xFFFC), 0xFFFE, 0xFFFF]}
    | {"\x7f": "␡"}
)


@dataclass
class _Mark:
    """What is wrong with one cell."""

    is_error: bool = False
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Formats:
    """The formats of one workbook."""

    header: Format
    plain: dict[tuple[str, bool], Format]  # (fine | error | query, begins like a formula) -> format of a cell as sent
    wrapped: Format
    wrapped_quoted: Format
    severity: dict[str, Format]
    link: Format
    title: Format
    heading: Format
    line: Format
    bold_line: Format


def visible(text: pl.Expr, longest: int = LONGEST_CELL) -> pl.Expr:
    """A text column as a workbook can hold it: invisible characters shown, overlong cells cut, and both to be seen."""
    shown = text.str.replace_many(_SHOWN)
    # xlsxwriter takes a text that begins so for XML of its own
    shown = pl.when(~shown.str.starts_with("<r>")).then(shown).otherwise(pl.lit(" ") + shown)
    length = text.str.len_chars()
    cut = pl.format("{} … [cut here: {} characters in all]", shown.str.slice(0, longest), length)
    return pl.when(length <= longest).then(shown).otherwise(cut)


def feedback_workbook(
    settings: Settings,
    contract: Contract,
    facts: ReturnFacts,
    status: str,
    issues: pl.DataFrame,
    rows: dict[str, pl.DataFrame],
) -> bytes:
    """The workbook about one file.

    `issues`: quality.issues in order of importance (findings.in_order). `rows`: per table that was received its rows as
    text (row_number, surplus and the contract's fields), already passed through `visible`. The bytes are the same for
    the same content: the workbook's date is the day the file was received.
    """
    out = io.BytesIO()
    # in memory: without it, pages with UPNs would lie in the temporary folder, and stay there if the run is killed
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties(
            {
                "title": f"Feedback on the SEN return, {facts.term.label}",
                "author": settings.la_name,
                "comments": "Holds pupils' UPNs: keep it within the school.",
                "created": facts.received_at.replace(microsecond=0),
            }
        )
        book.set_size(2400, 1400)
        formats = _formats(book)
        issues_sheet = book.add_worksheet(ISSUES_SHEET)
        read_me = book.add_worksheet(READ_ME_SHEET)
        shown = [table for name, table in contract.tables.items() if name in rows or _is_wanted(issues, name)]
        _write_issues(issues_sheet, formats, issues, {table.name: table for table in shown})
        _write_read_me(read_me, formats, settings, facts, status, issues, [table.name for table in shown])
        for table in shown:
            sheet = book.add_worksheet(table.name)
            marked = _write_table(sheet, formats, table, rows.get(table.name), _marks(table, issues), settings.la_name)
            if marked:
                sheet.set_tab_color(ERROR_INK if marked == "error" else "#C98A00")
        issues_sheet.set_tab_color(BAND)
        for sheet in book.worksheets():
            _set_up_print(sheet, facts)
    return out.getvalue()


def _is_wanted(issues: pl.DataFrame, table_name: str) -> bool:
    """A table that was not received has a sheet where something is said about it."""
    return table_name in issues["table_name"]


def _formats(book: xlsxwriter.Workbook) -> _Formats:
    # dotted and solid frames, bold and italic: told apart in black and white too
    looks = {
        "fine": {},
        "error": {
            "bg_color": ERROR_FILL,
            "font_color": ERROR_INK,
            "bold": True,
            "border": 2,
            "border_color": ERROR_INK,
        },
        "query": {
            "bg_color": QUERY_FILL,
            "font_color": QUERY_INK,
            "italic": True,
            "border": 3,
            "border_color": QUERY_INK,
        },
    }
    base = {"font_name": "Arial", "font_size": 10, "font_color": INK, "valign": "top"}
    wrapped = base | {"text_wrap": True, "border": 1, "border_color": "#D8DCE0"}
    return _Formats(
        header=book.add_format(
            base | {"bold": True, "font_color": "#FFFFFF", "bg_color": BAND, "text_wrap": True, "border": 1}
        ),
        plain={
            (look, quoted): book.add_format(base | {"num_format": "@", "quote_prefix": quoted} | properties)
            for look, properties in looks.items()
            for quoted in (False, True)
        },
        wrapped=book.add_format(wrapped),
        wrapped_quoted=book.add_format(wrapped | {"num_format": "@", "quote_prefix": True}),
        severity={
            look: book.add_format(wrapped | {k: v for k, v in properties.items() if "border" not in k})
            for look, properties in looks.items()
        },
        link=book.add_format(wrapped | {"font_color": BAND, "underline": 1, "align": "center"}),
        title=book.add_format(base | {"bold": True, "font_size": 16, "font_color": BAND}),
        heading=book.add_format(base | {"bold": True, "font_size": 12, "font_color": BAND}),
        line=book.add_format(base | {"text_wrap": True, "font_size": 11}),
        bold_line=book.add_format(base | {"text_wrap": True, "font_size": 11, "bold": True}),
    )


# ----------------------------------------------------------------------------------------------------------- the issues

ISSUE_COLUMNS = {  # header -> width
    "No.": 6,
    "Error or query": 11,
    "Sheet": 14,
    "Row": 8,
    "Column": 20,
    "What you sent": 24,
    "What is wrong": 46,
    "What to do": 46,
    "Until it is corrected": 28,
    "UPN": 16,
    "Rule": 17,
}


def _write_issues(sheet: Worksheet, formats: _Formats, issues: pl.DataFrame, tables: dict[str, Table]) -> None:
    for column, (header, width) in enumerate(ISSUE_COLUMNS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, header, formats.header)
    shown = issues.with_columns(
        visible(pl.col("value"), LONGEST_VALUE).alias("value"),
        *(visible(pl.col(column)) for column in ("table_name", "field", "message", "remedy", "upn", "rule_code")),
    )
    for number, issue in enumerate(shown.iter_rows(named=True), start=1):
        look = "error" if issue["severity"] == "error" else "query"
        sheet.write_number(number, 0, number, formats.wrapped)
        sheet.write_string(number, 1, look.capitalize(), formats.severity[look])
        texts = {
            2: "(the file)" if issue["table_name"] == "files" else issue["table_name"],
            4: issue["field"],
            5: issue["value"],
            6: issue["message"],
            7: issue["remedy"],
            8: issue["until_corrected"],
            9: issue["upn"],
            10: issue["rule_code"],
        }
        for column, text in texts.items():
            _write_wrapped(sheet, formats, number, column, text)
        _write_row_number(sheet, formats, number, issue, tables)
    last = max(issues.height, 1)
    sheet.autofilter(0, 0, last, len(ISSUE_COLUMNS) - 1)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)


def _write_wrapped(sheet: Worksheet, formats: _Formats, row: int, column: int, text: str | None) -> None:
    if not text:
        sheet.write_blank(row, column, None, formats.wrapped)
    else:
        sheet.write_string(row, column, text, formats.wrapped_quoted if _like_a_formula(text) else formats.wrapped)


def _write_row_number(sheet: Worksheet, formats: _Formats, number: int, issue: dict, tables: dict[str, Table]) -> None:
    """The row as a number, to sort by, that leads to the cell when it is clicked."""
    row, table = issue["row_number"], tables.get(issue["table_name"])
    if row is None:
        sheet.write_blank(number, 3, None, formats.wrapped)
        return
    if table is not None and number <= MOST_LINKS:
        column = _column(table, issue["field"]) or 0
        cell = xlsxwriter.utility.xl_rowcol_to_cell(row - 1, column)
        sheet.write_url(number, 3, f"internal:'{table.name}'!{cell}", formats.link, tip="Go to this cell")
    sheet.write_number(number, 3, row, formats.link)


# --------------------------------------------------------------------------------------------------- the school's return


def _marks(table: Table, issues: pl.DataFrame) -> dict[tuple[int, int], _Mark]:
    """(row, column), both from 0 as the sheet counts them -> what is wrong there.

    An issue about a whole row, or a whole sheet, marks its first column; one about a column marks its header.
    """
    marks: dict[tuple[int, int], _Mark] = {}
    of_table = issues.filter(pl.col("table_name") == table.name)
    shown = of_table.select(
        "severity",
        "row_number",
        "field",
        "fields",
        "until_corrected",
        visible(pl.col("message")),
        visible(pl.col("remedy")),
    )
    for issue in shown.iter_rows(named=True):
        is_error = issue["severity"] == "error"
        names = [name.strip() for name in (issue["fields"] or issue["field"] or "").split(",")]
        columns = [column for column in (_column(table, name) for name in names) if column is not None] or [0]
        sentence = f"{'ERROR' if is_error else 'QUERY'}: {issue['message']}\nWhat to do: {issue['remedy']}"
        sentence += f"\n{issue['until_corrected']}."
        for column in columns:
            mark = marks.setdefault(((issue["row_number"] or 1) - 1, column), _Mark())
            mark.is_error |= is_error
            mark.sentences.append(sentence)
    return marks


def _column(table: Table, name: str | None) -> int | None:
    names = list(table.fields)
    return names.index(name) if name in table.fields else None


def _write_table(
    sheet: Worksheet,
    formats: _Formats,
    table: Table,
    rows: pl.DataFrame | None,
    marks: dict[tuple[int, int], _Mark],
    author: str,
) -> str | None:
    """One table as received, in the contract's order, each row at its own number; gives the worst mark, if any."""
    fields = list(table.fields)
    headers = fields.copy()
    if rows is not None and rows["surplus"].is_not_null().any():
        headers.append(SURPLUS_HEADER)
    notes = _notes(marks, fields)
    if notes:
        headers.append(NOTES_HEADER)
    for column, header in enumerate(headers):
        mark = marks.get((0, column))
        sheet.write_string(0, column, header, _cell_format(formats, mark, header) if mark else formats.header)
        sheet.set_column(column, column, _width(header, rows), formats.plain["fine", False])
    if rows is not None:
        _write_rows(sheet, formats, rows, [*fields, *(["surplus"] if SURPLUS_HEADER in headers else [])], marks)
    if notes:
        column = len(headers) - 1
        sheet.set_column(column, column, 60, formats.plain["fine", False])
        for row, note in notes.items():
            sheet.write_string(row, column, note, formats.wrapped)
    for number, ((row, column), mark) in enumerate(sorted(marks.items())):
        if number == MOST_COMMENTS:
            break
        text = "\n\n".join(mark.sentences)[:8_000]
        lines = sum(1 + len(line) // 42 for line in text.split("\n"))
        size = {"width": 290, "height": min(30 + 17 * lines, 500)}
        sheet.write_comment(row, column, text, {"author": author, "font_size": 9, "font_name": "Arial", **size})
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    if not marks:
        return None
    return "error" if any(mark.is_error for mark in marks.values()) else "query"


def _write_rows(
    sheet: Worksheet,
    formats: _Formats,
    rows: pl.DataFrame,
    columns: list[str],
    marks: dict[tuple[int, int], _Mark],
) -> None:
    """Every cell as text; blank rows stay blank, and a blank cell at fault is marked as well."""
    numbers = (rows["row_number"] - 1).to_list()
    fine, fine_quoted = formats.plain["fine", False], formats.plain["fine", True]
    for column, name in enumerate(columns):
        for row, text in zip(numbers, rows[name].to_list(), strict=True):
            if text:
                sheet.write_string(row, column, text, fine_quoted if text[0] in FORMULA_STARTS else fine)
    texts = {name: dict(zip(numbers, rows[name].to_list(), strict=True)) for name in columns} if marks else {}
    for (row, column), mark in marks.items():
        if row == 0:
            continue
        text = texts[columns[column]].get(row)
        if text:
            sheet.write_string(row, column, text, _cell_format(formats, mark, text))
        else:
            sheet.write_blank(row, column, None, _cell_format(formats, mark, ""))


FORMULA_STARTS = frozenset("=+-@\t\r")


def _like_a_formula(text: str) -> bool:
    return text[0] in FORMULA_STARTS


def _cell_format(formats: _Formats, mark: _Mark, text: str) -> Format:
    return formats.plain["error" if mark.is_error else "query", bool(text) and _like_a_formula(text)]


def _notes(marks: dict[tuple[int, int], _Mark], fields: list[str]) -> dict[int, str]:
    """row -> what is marked in it, in words: for print, and for whoever cannot see colours or comments."""
    notes: dict[int, list[str]] = {}
    for (row, column), mark in sorted(marks.items()):
        if row == 0:
            continue
        word = "Error" if mark.is_error else "Query"
        first_lines = list(dict.fromkeys(sentence.split("\n")[0].partition(": ")[2] for sentence in mark.sentences))
        notes.setdefault(row, []).append(f"{word} in {fields[column]}: {' '.join(first_lines)}")
    return {row: "\n".join(lines)[:LONGEST_CELL] for row, lines in notes.items()}


def _width(header: str, rows: pl.DataFrame | None) -> float:
    longest = rows[header].str.len_chars().max() if rows is not None and header in rows.columns else 0
    return min(max(len(header) + 2, (longest or 0) + 2, 9), 34)


# ----------------------------------------------------------------------------------------------------------- the read me


def _write_read_me(
    sheet: Worksheet,
    formats: _Formats,
    settings: Settings,
    facts: ReturnFacts,
    status: str,
    issues: pl.DataFrame,
    sheets: list[str],
) -> None:
    """In plain words: what this is, what the colours mean, what to do, whom to ask."""
    errors, queries = (issues.filter(pl.col("severity") == severity).height for severity in ("error", "query"))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 92)
    sheet.hide_gridlines(2)
    file_name = issues_text(facts.file_name)
    about = {
        "School": facts.school,
        "LAESTAB and URN": f"{facts.laestab} and {facts.urn}",
        "Term": facts.term.label,
        "Your file": f"{file_name}, received on {uk_date(facts.received_at)}",
        "Where it stands": status,
        "Errors": f"{errors:,}: each must be corrected",
        "Queries": f"{queries:,}: each may well be right, and is to be corrected or explained",
    }
    if facts.state == "current":
        counted_rows = facts.rows_received - facts.rows_not_counted
        about["Rows counted"] = f"{counted_rows:,} of {counted(facts.rows_received, 'row')}"
    about["Deadline"] = uk_date(facts.term.deadline)
    sheet.write_string(0, 0, "Feedback on your SEN return", formats.title)
    row = 2
    for label, text in about.items():
        sheet.write_string(row, 0, label, formats.bold_line)
        sheet.write_string(row, 1, text, formats.line)
        row += 1
    for heading, lines in _read_me_words(settings, facts, bool(sheets)).items():
        row += 1
        sheet.write_string(row, 0, heading, formats.heading)
        row += 1
        for label, text in lines:
            look = {"An error": "error", "A query": "query"}.get(label)
            sheet.write_string(row, 0, label, formats.plain[look, False] if look else formats.bold_line)
            sheet.write_string(row, 1, text, formats.line)
            row += 1


def _read_me_words(settings: Settings, facts: ReturnFacts, has_sheets: bool) -> dict[str, list[tuple[str, str]]]:
    words = {
        "What is in this workbook": [
            (
                ISSUES_SHEET,
                "Everything to correct or to explain, the most important first. You can filter and sort it, and click a row number to go to the cell.",
            ),
        ],
        "What to do": [
            ("1", "Correct each error in your own file or system. Row numbers here are the row numbers of your file."),
            (
                "2",
                "Look at each query. Correct it if it is wrong; if it is right, tell us why, giving sheet and row but no name or UPN in an e-mail.",
            ),
            (
                "3",
                "Send the whole return again, the same way as before, with the next number at the end of its name: not only the corrected rows.",
            ),
            (
                "Please note",
                "Correct your own file, not this workbook: it is a copy, and it has sheets and a column that a return does not have.",
            ),
        ],
        "Keep it safe": [
            (
                "Pupils' UPNs",
                "This workbook holds UPNs. Keep it where you keep pupils' records, and do not send it by e-mail.",
            ),
        ],
        "Questions": [("Whom to ask", f"{settings.la_name}, {settings.la_email}")],
    }
    if has_sheets:
        words["What is in this workbook"] += [
            ("The other sheets", "Your own return as we read it, a sheet a table, with the rows at their own numbers. Cells at fault are marked, and a comment says what is wrong; the last column says the same in words."),
            ("An error", "Red, bold, in a thick frame: must be corrected."),
            ("A query", "Amber, italic, in a dotted frame: correct it or tell us why it is right."),
            ("Some characters", "A character that cannot be seen is shown as ⟨U+200B⟩ or ␀. A cell that is too long is cut, and says so."),
        ]  # fmt: skip
    if facts.state == "rejected":
        words["What to do"][0] = (
            "1",
            "Put right what the sheet Issues lists. Until then nothing in this file is counted.",
        )
    return words


def issues_text(text: str) -> str:
    """One text as `visible` shows a column of it."""
    return pl.select(visible(pl.lit(text), LONGEST_VALUE)).item()


def _set_up_print(sheet: Worksheet, facts: ReturnFacts) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    school = issues_text(facts.school)[:80].replace("&", "&&")
    sheet.set_header(f"&L{school}&C&A&R{facts.term.label}")
    sheet.set_footer("&LHolds pupils' UPNs: keep it within the school&RPage &P of &N")
