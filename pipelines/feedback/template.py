"""The workbook that a school fills in, from the contract: drop-downs, notes, examples; blank, or filled with last term's."""

import io
from collections.abc import Mapping
from datetime import date, datetime
from itertools import pairwise

import duckdb
import polars as pl
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from expectations.contracts import Contract, Field, Table, accepted_versions, code_list, known_versions
from expectations.suites import RIGHT
from pipelines.building.parameters import value_on
from pipelines.feedback.cells import Formats, height, make_formats, visible_text
from pipelines.reading.feedback_sheets import READ_ME_SHEET
from pipelines.settings import Settings
from pipelines.terms import Term, load_calendar

LISTS_SHEET = "lists"  # hidden; a drop-down written out in full may not be longer than 255 characters
ROWS = 2000  # as many have the drop-downs
YES_NO = ("Y", "N")
# the year group that a pupil is in a year later; X and M stay, and after 14 a school says itself
YEAR_GROUPS = ("E1", "E2", "N1", "N2", "R", *map(str, range(1, 15)))
NEXT_YEAR_GROUP = dict(pairwise(YEAR_GROUPS))

Rows = Mapping[str, pl.DataFrame]


class TemplateError(Exception):
    """A template that cannot be made as it was asked for; the message says why."""


def template_version(term: Term | None, asked: str | None) -> str:
    """The version asked for, else the newest that the term's year accepts. Raises TemplateError."""
    known = known_versions()
    if asked and asked not in known:
        raise TemplateError(f"There is no specification {asked}. There are {', '.join(known)}.")
    if term is None:
        return asked or known[-1]
    of_year = accepted_versions().get(term.academic_year, ())
    if not of_year or (asked and asked not in of_year):
        raise TemplateError(
            f"Returns of {term.academic_year} are made to specification {', '.join(of_year) or 'none yet'}."
        )
    return asked or of_year[-1]


def last_terms_rows(
    settings: Settings, connection: duckdb.DuckDBPyConnection, contract: Contract, urn: str, term: Term
) -> Rows:
    """Table -> rows (fields as text) that the school's return of the term begins with, from its newest return before.

    In a new academic year: the pupils who were still on the register, a year older, what is still open of their plans and
    referrals, and reviews whose copy was neither given nor overdue. Raises TemplateError for a school that is not in GIAS.
    """
    school = connection.execute("SELECT laestab FROM reference.schools WHERE urn = ?", [urn]).fetchone()
    if school is None:
        raise TemplateError(f"There is no school with the URN {urn} in GIAS.")
    rows: dict[str, pl.DataFrame] = {"return": return_row(contract, urn, school[0], term)}
    calendar = load_calendar(settings)
    order = list(calendar)
    before = [
        (order.index(sent_for), return_id)
        for return_id, sent_for in connection.execute(
            "SELECT return_id, term FROM ledger.returns WHERE urn = ? AND state = 'current'", [urn]
        ).fetchall()
        if sent_for in calendar and order.index(sent_for) < order.index(term.term)
    ]
    if not before:
        return rows
    place, return_id = max(before)
    sent = {name: _as_sent(connection, table, return_id) for name, table in contract.tables.items() if name != "return"}
    if term.name != "autumn":
        sent["arrangements"] = sent["arrangements"].clear()  # only what has changed
    last = calendar[order[place]]
    if last.academic_year == term.academic_year:
        return rows | sent
    copy_days = value_on(settings, connection, "copy_school_days", last.as_at_date)
    return rows | _carried_in(sent, last, copy_days)


def return_row(contract: Contract, urn: str, laestab: str | None, term: Term) -> pl.DataFrame:
    """The one row of the table `return`, as far as it is known before the school has said anything."""
    own = {
        "laestab": laestab,
        "urn": urn,
        "academic_year": term.academic_year,
        "term": term.name,
        "as_at_date": term.as_at_date.isoformat(),
        "specification": contract.version,
    }
    return _shaped(pl.DataFrame([own], schema_overrides={"laestab": pl.String}), contract.tables["return"])


def _as_sent(connection: duckdb.DuckDBPyConnection, table: Table, return_id: str) -> pl.DataFrame:
    """The table's rows as text; a date is written as a template has it."""
    cells = [
        f"""coalesce(strftime("{f.name}", '%Y-%m-%d'), "{f.name}__text") AS "{f.name}" """
        if f.type == "date"
        else f'"{f.name}__text" AS "{f.name}"'
        for f in table.fields.values()
    ]
    return connection.execute(
        f"SELECT {', '.join(cells)} FROM raw.{table.name} WHERE return_id = ? ORDER BY row_number", [return_id]
    ).pl()


def _carried_in(sent: dict[str, pl.DataFrame], last: Term, copy_days: int) -> dict[str, pl.DataFrame]:
    day = last.as_at_date.isoformat()
    # ISO dates compare as text; what could not be read stays, to be put right
    after = {name: pl.col(name).is_null() | (pl.col(name) > day) for name in ("leaving_date", "ended_date")}
    pupils = sent["pupils"].filter(after["leaving_date"] & (pl.col("sen_provision").str.to_uppercase() != "N"))
    stays = pl.col("leaving_date").is_null()
    older = pl.col("year_group").str.to_uppercase().replace(NEXT_YEAR_GROUP)
    pupils = pupils.with_columns(year_group=pl.when(stays).then(older).otherwise("year_group"))
    still_there = pupils.select(upn=pl.coalesce("upn", "uln"))
    since = _school_days_before(last, copy_days)
    open_reviews = pl.col("copy_to_parents_date").is_null() & (pl.col("review_date") > since.isoformat())
    is_open = pl.col("status").str.to_uppercase().is_in(["REFERRED", "ACTIVE"]) & after["ended_date"]
    kept = {
        "arrangements": sent["arrangements"],
        "pupils": pupils,
        "plans": sent["plans"].filter(after["ended_date"]),
        "reviews": sent["reviews"].filter(open_reviews),
        "specialists": sent["specialists"].filter(is_open),
    }
    for name in ("plans", "reviews", "specialists"):
        kept[name] = kept[name].join(still_there, on="upn", how="semi")
    # a review hangs on its plan
    plans = sent["plans"].join(
        kept["reviews"].select("upn", "planned_date").unique(), on=["upn", "planned_date"], how="semi"
    )
    kept["plans"] = pl.concat([kept["plans"], plans]).unique(maintain_order=True)
    return kept


def _school_days_before(term: Term, days: int) -> date:
    """The day so many school days before the term's as-at date."""
    return [day for day in term.school_days() if day <= term.as_at_date][-1 - days]


def _shaped(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, dtype=pl.String).alias(name) for name in table.fields
    )


def template_workbook(settings: Settings, contract: Contract, filled: Rows | None = None) -> bytes:
    """The workbook; `filled`: table -> rows that it begins with, whose columns beyond the table's come after them.

    The same bytes for the same content.
    """
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties(
            {
                "title": f"SEN return, specification {contract.version}",
                "author": settings.la_name,
                "created": datetime(2026, 1, 1),
            }
        )
        formats = make_formats(book)
        read_me = book.add_worksheet(READ_ME_SHEET)
        _write_read_me(read_me, formats, settings, contract, is_filled=bool(filled))
        sheets = {name: book.add_worksheet(name) for name in contract.tables}
        lists = _write_lists(book.add_worksheet(LISTS_SHEET), contract)
        for name, sheet in sheets.items():
            _write_table(sheet, formats, contract.tables[name], lists, (filled or {}).get(name))
        read_me.activate()
    return out.getvalue()


def _write_lists(sheet: Worksheet, contract: Contract) -> dict[str, str]:
    """Code list -> the range that holds it, on a hidden sheet."""
    sheet.hide()
    lists = {f.list: f.codes for table in contract.tables.values() for f in table.fields.values() if f.list}
    lists["yes_no"] = YES_NO
    ranges = {}
    for column, (name, codes) in enumerate(lists.items()):
        sheet.write_column(0, column, [name, *codes])
        letter = xl_col_to_name(column)
        ranges[name] = f"={LISTS_SHEET}!${letter}$2:${letter}${len(codes) + 1}"
    return ranges


def _write_table(
    sheet: Worksheet, formats: Formats, table: Table, lists: dict[str, str], rows: pl.DataFrame | None
) -> None:
    cell = formats.plain["fine", False]
    last = 1 if table.one_row else ROWS
    for column, f in enumerate(table.fields.values()):
        sheet.set_column(column, column, max(12, min(28, len(f.name) + 2)), cell)
        sheet.write_string(0, column, f.name, formats.header)
        sheet.write_comment(0, column, note(f, f.name in table.key), {"x_scale": 2, "y_scale": 2})
        if f.type in ("code", "yes_no"):
            source = lists[f.list if f.type == "code" else "yes_no"]
            # a warning, not a bar: what is typed is received and then judged
            sheet.data_validation(
                1,
                column,
                last,
                column,
                {
                    "validate": "list",
                    "source": source,
                    "error_type": "warning",
                    "error_title": "Not one of the list",
                    "error_message": f"{f.label}: choose one of the list.",
                },
            )
    beyond = [name for name in rows.columns if name not in table.fields] if rows is not None else []
    for column, name in enumerate(beyond, start=len(table.fields)):
        sheet.set_column(column, column, max(12, min(28, len(name) + 2)), cell)
        sheet.write_string(0, column, visible_text(name), formats.header)
    sheet.freeze_panes(1, 1 if len(table.fields) > 8 else 0)
    sheet.set_row(0, 30)
    for number, row in enumerate(rows.iter_rows() if rows is not None else [], start=1):
        for column, text in enumerate(row):
            if text is not None:
                sheet.write_string(number, column, visible_text(text), cell)


def note(f: Field, is_key: bool) -> str:
    """What belongs in a column, as its header's note says it."""
    lines = [f.label + (" (must be filled in)" if f.required else "")]
    if is_key:
        lines.append("Says which row this is: two rows may not have the same.")
    if f.type == "code":
        labels = code_list(f.list)
        lines += [f"{code}: {labels[code]}" for code in f.codes]
    lines += {
        "date": ["A day, as 2025-10-02 or 02/10/2025. Leave it blank where it has not happened."],
        "yes_no": ["Y or N"],
        "count": ["A whole number"],
        "pounds": ["Pounds"],
    }.get(f.type, [])
    if f.type in RIGHT and f.type not in ("date", "yes_no", "specification"):
        lines.append(f"Example: {RIGHT[f.type]}")
    return "\n".join(lines)


def example_row(table: Table) -> dict[str, str]:
    """A row as it may look, field by field; what nobody needs is left out."""
    return {
        f.name: f.codes[0] if f.type == "code" else RIGHT[f.type]
        for f in table.fields.values()
        if f.required and (f.type == "code" or f.type in RIGHT)
    }


def _write_read_me(
    sheet: Worksheet, formats: Formats, settings: Settings, contract: Contract, *, is_filled: bool
) -> None:
    lines = [
        (f"SEN return to {settings.la_name}", formats.title),
        (
            f"Specification {contract.version}. A sheet a table, the first row its columns: leave both as they are.",
            formats.line,
        ),
        (
            "What belongs in a column is in the note on its heading; the arrow in a cell shows the codes that it takes.",
            formats.line,
        ),
        (
            "A blank means 'not known', and for a date 'not done'. Give a pupil's UPN and nothing else that identifies: no names, addresses or dates of birth.",
            formats.line,
        ),
        ("The return carries the academic year so far: keep what is there, and add what is new.", formats.line),
    ]
    if is_filled:
        lines.append(
            (
                "It begins with what you sent last: go through every sheet, change what has changed, and check each pupil's "
                "year group. It holds pupils' UPNs: keep it within the school.",
                formats.bold_line,
            )
        )
    lines += [
        ("", formats.line),
        ("An example of a row in each sheet, in the columns that must be filled in", formats.heading),
    ]
    lines += [
        (f"{table.name}: " + ", ".join(f"{name} {value}" for name, value in example_row(table).items()), formats.line)
        for table in contract.tables.values()
    ]
    width = 100
    sheet.set_column(0, 0, width)
    for number, (text, look) in enumerate(lines):
        sheet.write_string(number, 0, text, look)
        sheet.set_row(number, 26 if look is formats.title else height(text, width) + 4)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)
