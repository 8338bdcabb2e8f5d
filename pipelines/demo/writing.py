"""Returns as files: workbooks and ZIPs of CSVs, in the forms that schools use. The same input gives the same bytes."""

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from random import Random

import xlsxwriter

from expectations.contracts import load_contract
from pipelines.demo.returns import SchoolReturn, Sheet

EPOCH = (2026, 7, 1, 0, 0, 0)
TYPES = {name: {f.name: f.type for f in table.fields.values()} for name, table in load_contract("1.0").tables.items()}


class Typed(str):
    """Text that is written as it stands, in no school's style."""


class ErrorCell(str):
    """An Excel error such as `#N/A`; in a CSV its text."""


class FormulaCell(str):
    """A formula that was saved without a value; in a CSV its text."""


@dataclass(frozen=True)
class Style:
    """How a school writes its returns."""

    form: str = "xlsx"  # xlsx, zip
    dates: str = "real"  # real (xlsx only), iso, iso_midnight, uk, uk_short
    yes_no: tuple[str, str] = ("Y", "N")
    headers: str = "snake"  # snake, title, camel, hyphen
    lower_codes: bool = False
    numbers: bool = False
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    line_end: str = "\r\n"
    folder: bool = False
    shuffled: int = 0
    lists_sheet: bool = False


def style_of(position: int, seed: int) -> Style:
    """The style of the school at a position of the list: every form turns up among a handful of schools."""
    rng = Random(f"{seed}:style:{position}")
    form, dates, encoding, delimiter = (
        ("xlsx", "real", "utf-8", ","),
        ("zip", "iso", "utf-8-sig", ","),
        ("xlsx", "real", "utf-8", ","),
        ("zip", "uk", "cp1252", ","),
        ("xlsx", "iso", "utf-8", ","),
        ("zip", "iso", "utf-16", ";"),
        ("xlsx", "uk", "utf-8", ","),
        ("zip", "uk_short", "utf-8", ";"),
        ("xlsx", "iso_midnight", "utf-8", ","),
        ("zip", "iso", "utf-8", "\t"),
    )[position % 10]
    return Style(
        form=form,
        dates=dates,
        yes_no=rng.choice((("Y", "N"), ("Y", "N"), ("Yes", "No"), ("TRUE", "FALSE"), ("1", "0"), ("y", "n"))),
        headers=rng.choice(("snake", "snake", "title", "camel", "hyphen")),
        lower_codes=rng.random() < 0.15,
        numbers=rng.random() < 0.4,
        encoding=encoding,
        delimiter=delimiter,
        line_end=rng.choice(("\r\n", "\r\n", "\n")),
        folder=rng.random() < 0.3,
        shuffled=rng.randrange(1, 10_000) if rng.random() < 0.25 else 0,
        lists_sheet=rng.random() < 0.3,
    )


def write_return(sent: SchoolReturn, style: Style) -> tuple[str, bytes]:
    """File name and bytes of a return."""
    sheets = [_arranged(sheet, style) for sheet in sent.sheets]
    if style.form == "xlsx":
        return f"{sent.stem}.xlsx", workbook_bytes(sheets, style)
    return f"{sent.stem}.zip", zip_bytes(csv_entries(sheets, style, sent.stem))


def _arranged(sheet: Sheet, style: Style) -> Sheet:
    """The sheet with its columns in the school's own order."""
    if not style.shuffled or sheet.above:
        return sheet
    order = list(range(len(sheet.columns)))
    Random(style.shuffled).shuffle(order)
    width = len(order)
    rows = [row if row is None else [row[n] for n in order] + row[width:] for row in sheet.rows]
    return Sheet(sheet.table, [sheet.columns[n] for n in order], rows, sheet.title, sheet.above, sheet.hidden)


def header(name: str, style: Style) -> str:
    """A field's name as the school writes it; matching ignores case, spaces, hyphens and underscores."""
    if isinstance(name, Typed):
        return str(name)
    if style.headers == "title":
        return name.replace("_", " ").capitalize()
    if style.headers == "camel":
        return name.title().replace("_", "")
    return name.replace("_", "-") if style.headers == "hyphen" else name


def shown(value: object, kind: str, style: Style) -> object:
    """A cell as the school writes it: text, or a date or number for a workbook."""
    if value is None or isinstance(value, (Typed, ErrorCell, FormulaCell)):
        return value
    if isinstance(value, date):
        return _shown_date(value, style)
    if kind == "yes_no":
        return style.yes_no[0] if value == "Y" else style.yes_no[1]
    if kind in ("count", "pounds"):
        return value if style.form == "xlsx" else str(value)
    if style.numbers and style.form == "xlsx" and kind in ("urn", "laestab", "uln", "code") and str(value).isdigit():
        return int(value)
    if style.numbers and style.form == "xlsx" and value == "1.0":
        return 1.0
    return value.lower() if style.lower_codes and kind == "code" else value


def _shown_date(value: date, style: Style) -> object:
    if style.dates == "real":
        return value
    if style.dates == "uk":
        return f"{value.day:02d}/{value.month:02d}/{value.year}"
    if style.dates == "uk_short":
        return f"{value.day}/{value.month}/{value.year}"
    return f"{value.isoformat()} 00:00:00" if style.dates == "iso_midnight" else value.isoformat()


def _title(sheet: Sheet, style: Style) -> str:
    if sheet.title is not None:
        return sheet.title
    return sheet.table.capitalize() if style.headers in ("title", "camel") else sheet.table


def workbook_bytes(sheets: list[Sheet], style: Style) -> bytes:
    """A workbook with one sheet a table."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"created": datetime(*EPOCH), "author": ""})
    as_date = book.add_format({"num_format": "dd/mm/yyyy"})
    bold = book.add_format({"bold": True})
    for sheet in sheets:
        page = book.add_worksheet(_title(sheet, style))
        if sheet.hidden:
            page.hide()
        _write_page(page, sheet, style, as_date, bold)
    if style.lists_sheet:
        lists = book.add_worksheet("Lists")
        lists.write_column(0, 0, ["Yes/no", "Y", "N"])
        lists.hide()
    book.close()
    return buffer.getvalue()


def _write_page(page, sheet: Sheet, style: Style, as_date, bold) -> None:
    for number, row in enumerate(sheet.above):
        page.write_row(number, 0, row)
    first = len(sheet.above)
    for column, name in enumerate(sheet.columns):
        page.write_string(first, column, header(name, style), bold)
    types = TYPES.get(sheet.table, {})
    kinds = [types.get(name, "text") for name in sheet.columns]
    for number, row in enumerate(sheet.rows, start=first + 1):
        for column, value in enumerate(row or ()):
            if value is None:
                continue
            cell = shown(value, kinds[column] if column < len(kinds) else "text", style)
            if isinstance(cell, str) and not isinstance(cell, (ErrorCell, FormulaCell)):
                page.write_string(number, column, cell)
            elif isinstance(cell, date):
                page.write_datetime(number, column, cell, as_date)
            elif isinstance(cell, ErrorCell):
                page.write_formula(number, column, "=NA()", None, str(cell))
            elif isinstance(cell, FormulaCell):
                page.write_formula(number, column, str(cell), None, "")
            else:
                page.write_number(number, column, cell)


def csv_entries(sheets: list[Sheet], style: Style, stem: str) -> list[tuple[str, bytes]]:
    """Name and bytes of each CSV of a ZIP."""
    prefix = f"{stem}/" if style.folder else ""
    entries = [(f"{prefix}{_title(sheet, style)}.csv", csv_bytes(sheet, style)) for sheet in sheets]
    if style.folder:
        # what macOS adds to a folder that it packs
        entries += [
            (f"__MACOSX/{stem}/._pupils.csv", b"\0\5\x16\7\0\2\0\0Mac OS X"),
            (f"{prefix}.DS_Store", b"\0\0\0\1Bud1"),
        ]
    return entries


def csv_bytes(sheet: Sheet, style: Style) -> bytes:
    """One table as CSV, in the school's encoding and with its delimiter."""
    text = io.StringIO()
    out = csv.writer(text, delimiter=style.delimiter, lineterminator=style.line_end)
    out.writerows(sheet.above)
    out.writerow([header(name, style) for name in sheet.columns])
    types = TYPES.get(sheet.table, {})
    kinds = [types.get(name, "text") for name in sheet.columns]
    blank = [""] * len(kinds)
    for row in sheet.rows:
        if row is None:
            out.writerow(blank)
        else:
            kinds_here = kinds if len(row) <= len(kinds) else kinds + ["text"] * (len(row) - len(kinds))
            out.writerow([shown(value, kind, style) for value, kind in zip(row, kinds_here, strict=True)])
    return text.getvalue().encode(style.encoding)


def zip_bytes(entries: list[tuple[str, bytes]]) -> bytes:
    """A ZIP of the entries, all of one time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            archive.writestr(info, data)
    return buffer.getvalue()
