"""The feedback workbook: every issue in order of importance, a page in plain words, and the school's own return."""

import io

import polars as pl
import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from expectations.contracts import EXPLANATIONS, Contract, Table
from pipelines.feedback.cells import (
    BAND,
    ERROR_INK,
    Formats,
    height,
    like_a_formula,
    make_formats,
    visible,
    visible_text,
)
from pipelines.feedback.letters import ReturnFacts, counted, uk_date
from pipelines.feedback.own_return import ReceivedTable, ReturnSheet, column_of, findings_of_table, write_return_sheet
from pipelines.feedback.profile_sheets import write_profile_sheets
from pipelines.feedback.profiles import Profile
from pipelines.feedback.standing import TO_DO
from pipelines.reading.feedback_sheets import GOVERNORS_SHEET, ISSUES_SHEET, PROFILE_SHEET, READ_ME_SHEET
from pipelines.settings import Settings

LONGEST_VALUE = 120
MOST_LINKS = 10_000
QUERY_TAB = "#C98A00"


def visible_issues(issues: pl.DataFrame) -> pl.DataFrame:
    """Issues of any number of files with every text as a workbook can hold it, the value cut to what tells it apart."""
    texts = ("table_name", "field", "fields", "message", "remedy", "upn", "rule_code", "why", "said")
    return issues.with_columns(visible(pl.col("value"), LONGEST_VALUE), visible(pl.col(texts)))


def feedback_workbook(
    settings: Settings,
    contract: Contract,
    facts: ReturnFacts,
    status: str,
    issues: pl.DataFrame,
    received: dict[str, ReceivedTable],
    profile: Profile | None = None,
) -> bytes:
    """The workbook about one file.

    `issues`: quality.issues in order of importance (findings.in_order), visible (visible_issues). `received`: the tables that were sent
    (own_return.received_tables). `profile`: the school's, where the term has been built. The bytes are the same for the same content: the workbook's date is the day on which
    the file was received.
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
        formats = make_formats(book)
        issues_sheet = book.add_worksheet(ISSUES_SHEET)
        read_me = book.add_worksheet(READ_ME_SHEET)
        # what is accepted is settled
        issues = issues.filter(pl.col("standing") != "accepted")
        questions = _questions(facts, issues)
        if not questions.is_empty():
            _write_explanations(book.add_worksheet(EXPLANATIONS.name), formats, questions)
        shown = [table for name, table in contract.tables.items() if name in received or _is_wanted(issues, name)]
        _write_issues(issues_sheet, formats, issues, {table.name: table for table in shown})
        _write_read_me(read_me, formats, settings, facts, status, issues, [table.name for table in shown], profile)
        of_table = issues.partition_by("table_name", as_dict=True, maintain_order=True)
        for table in shown:
            sheet = book.add_worksheet(table.name, worksheet_class=ReturnSheet)
            findings = findings_of_table(table, of_table.get((table.name,)))
            write_return_sheet(sheet, formats, table, received.get(table.name), findings, settings.la_name)
            if findings.marks:
                is_error = any(mark.is_error for mark in findings.marks.values())
                sheet.set_tab_color(ERROR_INK if is_error else QUERY_TAB)
        issues_sheet.set_tab_color(BAND)
        for sheet in book.worksheets():
            _set_up_print(sheet, facts)
        if profile:
            write_profile_sheets(book, settings, profile)
    return out.getvalue()


def _is_wanted(issues: pl.DataFrame, table_name: str) -> bool:
    """A table that was not received has a sheet where something is said about it."""
    return table_name in issues["table_name"]


# ----------------------------------------------------------------------------------------------------------- the issues

ISSUE_COLUMNS = {  # header -> width
    "No.": 6,
    "Error or query": 11,
    "Sheet": 14,
    "Row": 8,
    "Column": 20,
    "What you sent": 24,
    "What is wrong": 44,
    "What to do": 44,
    "Until it is corrected": 26,
    "UPN": 16,
    "Rule": 25,
    "Reference": 16,
    "Where it stands": 28,
}


def _write_issues(sheet: Worksheet, formats: Formats, issues: pl.DataFrame, tables: dict[str, Table]) -> None:
    for column, (header, width) in enumerate(ISSUE_COLUMNS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, header, formats.header)
    widths = list(ISSUE_COLUMNS.values())
    for number, issue in enumerate(issues.iter_rows(named=True), start=1):
        look = "error" if issue["severity"] == "error" else "query"
        sheet.write_number(number, 0, number, formats.number)
        sheet.write_string(number, 1, look.capitalize(), formats.severity[look])
        texts = {
            2: issue["table_name"] if issue["table_name"] in tables else "(the file)",
            4: issue["field"],
            5: issue["value"],
            6: issue["message"],
            7: issue["remedy"],
            8: issue["until_corrected"],
            9: issue["upn"],
            10: issue["rule_code"],
            11: issue["reference"],
            12: _where_it_stands(issue),
        }
        for column, text in texts.items():
            _write_wrapped(sheet, formats, number, column, text)
        sheet.set_row(number, max(height(text, widths[column]) for column, text in texts.items()))
        _write_row_number(sheet, formats, number, issue, tables)
    sheet.set_row(0, 18)
    last = max(issues.height, 1)
    sheet.autofilter(0, 0, last, len(ISSUE_COLUMNS) - 1)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)


def _where_it_stands(issue: dict) -> str:
    match issue["standing"]:
        case "open":
            return f"Open since {uk_date(issue['since'])}" if issue["since"] else "Open"
        case "waiting":
            return "Explained: we are reading it"
        case "refused":
            return f"Your explanation was not accepted: {issue['why'] or 'please explain it anew'}"
        case _:
            return "New"


# ----------------------------------------------------------------------------------------------------- the explanations

EXPLANATION_COLUMNS = {  # header -> width
    "reference": 16,
    "sheet": 14,
    "row": 8,
    "UPN": 16,
    "question": 60,
    "explanation": 60,
    "where it stands": 28,
}
HOW_TO_EXPLAIN = (
    "Write here why the entry is right, without a name or a UPN. Leave it blank where you have corrected the entry. Then "
    "send this workbook back, the same way as your return."
)


def _questions(facts: ReturnFacts, issues: pl.DataFrame) -> pl.DataFrame:
    """What a school may explain of a return that counts: each query once, however many rows it has."""
    can_be_explained = pl.col("reference").is_not_null() & pl.lit(facts.state == "current")
    return issues.filter(can_be_explained).unique("reference", keep="first", maintain_order=True)


def _write_explanations(sheet: Worksheet, formats: Formats, questions: pl.DataFrame) -> None:
    for column, (header, width) in enumerate(EXPLANATION_COLUMNS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, header, formats.header)
    place = list(EXPLANATION_COLUMNS).index("explanation")
    sheet.write_comment(0, place, HOW_TO_EXPLAIN, {"font_name": "Arial", "font_size": 9, "width": 290, "height": 90})
    for number, issue in enumerate(questions.iter_rows(named=True), start=1):
        texts = {
            0: issue["reference"],
            1: issue["table_name"] if issue["row_number"] else "",
            2: str(issue["row_number"] or ""),
            3: issue["upn"],
            4: issue["message"],
            place: issue["said"],
            6: _where_it_stands(issue),
        }
        for column, text in texts.items():
            _write_wrapped(sheet, formats, number, column, text)
        sheet.set_row(number, max(height(issue[name], 60) for name in ("message", "said")))
    sheet.set_tab_color(QUERY_TAB)
    sheet.autofilter(0, 0, questions.height, len(EXPLANATION_COLUMNS) - 1)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)


def _write_wrapped(sheet: Worksheet, formats: Formats, row: int, column: int, text: str | None) -> None:
    if not text:
        sheet.write_blank(row, column, None, formats.wrapped)
    else:
        sheet.write_string(row, column, text, formats.wrapped_quoted if like_a_formula(text) else formats.wrapped)


def _write_row_number(sheet: Worksheet, formats: Formats, number: int, issue: dict, tables: dict[str, Table]) -> None:
    """The row as a number, to sort by, that leads to the cell when it is clicked."""
    row, table = issue["row_number"], tables.get(issue["table_name"])
    if row is None:
        sheet.write_blank(number, 3, None, formats.wrapped)
        return
    if table is not None and number <= MOST_LINKS:
        column = column_of(table, issue["field"]) or 0
        cell = xl_rowcol_to_cell(row - 1, column)
        sheet.write_url(number, 3, f"internal:'{table.name}'!{cell}", formats.link, tip="Go to this cell")
    sheet.write_number(number, 3, row, formats.link)


# ----------------------------------------------------------------------------------------------------------- the read me


def _write_read_me(
    sheet: Worksheet,
    formats: Formats,
    settings: Settings,
    facts: ReturnFacts,
    status: str,
    issues: pl.DataFrame,
    sheets: list[str],
    profile: Profile | None,
) -> None:
    """In plain words: what this is, what the colours mean, what to do, whom to ask."""
    to_do = issues.filter(pl.col("standing").is_in(TO_DO))
    errors, queries = (to_do.filter(pl.col("severity") == severity).height for severity in ("error", "query"))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 92)
    sheet.hide_gridlines(2)
    file_name = visible_text(facts.file_name)
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
    for heading, lines in _read_me_words(settings, facts, bool(sheets), bool(profile)).items():
        row += 1
        sheet.write_string(row, 0, heading, formats.heading)
        row += 1
        for label, text in lines:
            look = {"An error": "error", "A query": "query"}.get(label)
            sheet.write_string(row, 0, label, formats.plain[look, False] if look else formats.bold_line)
            sheet.write_string(row, 1, text, formats.line)
            sheet.set_row(row, height(text, 100) + 3)
            row += 1


def _read_me_words(
    settings: Settings, facts: ReturnFacts, has_sheets: bool, has_profile: bool
) -> dict[str, list[tuple[str, str]]]:
    words = {
        "What is in this workbook": [
            (
                ISSUES_SHEET,
                "Everything to correct or to explain, the most important first. You can filter and sort it, and click a row number to go to the cell.",
            ),
            (
                EXPLANATIONS.name,
                "Each query under its reference, with a column for you to say why the entry is right. It is there when there is a query.",
            ),
        ],
        "What to do": [
            (
                "1",
                "Correct each error in the sheets of this workbook, and in your own system so that it is right next term. Row numbers here are the row numbers of your file.",
            ),
            (
                "2",
                "Look at each query. Correct it if it is wrong; if it is right, write why beside it in the sheet explanations, without a name or a UPN.",
            ),
            (
                "3",
                "Send this workbook back the same way as your return, under the next number: it is then your whole new return. Our sheets and notes in it are passed over.",
            ),
            (
                "Or",
                "Send your own corrected file again, whole, with the sheet explanations copied into it (in a ZIP as explanations.csv).",
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
    if has_profile:
        words["What is in this workbook"].append(
            (
                f"{PROFILE_SHEET} and {GOVERNORS_SHEET}",
                "Your school's figures of the term, and a page for your governors without small numbers of pupils.",
            )
        )
    if facts.state == "rejected":
        words["What to do"][0] = (
            "1",
            "Put right what the sheet Issues lists. Until then nothing in this file is counted.",
        )
    return words


def _set_up_print(sheet: Worksheet, facts: ReturnFacts) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    school = visible_text(facts.school)[:80].replace("&", "&&")
    sheet.set_header(f"&L{school}&C&A&R{facts.term.label}")
    sheet.set_footer("&LHolds pupils' UPNs: keep it within the school&RPage &P of &N")
