"""Small workbooks and ZIPs, good and bad, as schools send them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import date, datetime

import xlsxwriter

from expectations.contracts import load_contract

CONTRACT = load_contract("1.0")
LIMIT = 50_000_000
Rows = list[list]

RETURN = {
    "laestab": "8012001",
    "urn": "100001",
    "academic_year": "2025-26",
    "term": "AUTUMN",
    "as_at_date": "2025-12-05",
    "specification": "1.0",
    "authorised_by_role": "SENCO",
    "nil_return": "N",
}


def whole_return(**tables: Rows) -> dict[str, Rows]:
    """Every table with its header and, in `return`, its row; tables given take their place."""
    sheets = {name: [list(table.fields)] for name, table in CONTRACT.tables.items()}
    sheets["return"] = [list(RETURN), list(RETURN.values())]
    return sheets | tables


def workbook(
    sheets: dict[str, Rows],
    hidden: tuple[str, ...] = (),
    also: Callable[[xlsxwriter.Workbook, dict], None] | None = None,
) -> bytes:
    """A workbook with text, numbers, real dates and booleans as given; `also` may add what rows can't say."""
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True, "default_date_format": "dd/mm/yyyy"}) as book:
        made = {}
        for name, rows in sheets.items():
            sheet = made[name] = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    write_cell(sheet, number, column, value)
            if name in hidden:
                sheet.hide()
        made[next(iter(sheets))].activate() if hidden else None
        if also:
            also(book, made)
    return packed.getvalue()


def write_cell(sheet, row: int, column: int, value) -> None:
    if isinstance(value, str):
        sheet.write_string(row, column, value)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, date | datetime):
        sheet.write_datetime(row, column, value)
    elif value is not None:
        sheet.write_number(row, column, value)


def csv_text(rows: Rows, delimiter: str = ",", line_end: str = "\r\n") -> str:
    return line_end.join(delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows) + line_end


def zipped(entries: dict[str, bytes | str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(zipfile.ZipInfo(name, (2025, 12, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def csv_zip(sheets: dict[str, Rows | bytes | str]) -> bytes:
    """A ZIP of CSV files; a table may be given as its file's bytes or text."""
    return zipped({f"{name}.csv": csv_text(rows) if isinstance(rows, list) else rows for name, rows in sheets.items()})


def lying_zip(name: str, content: bytes, declared: int) -> bytes:
    """A ZIP of one entry whose directory gives a size of the sender's choice."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    path = name.encode()
    checks = struct.pack("<III", zlib.crc32(content), len(packed), declared)
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + checks + struct.pack("<HH", len(path), 0) + path
    central = (
        b"PK\x01\x02"
        + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0)
        + checks
        + struct.pack("<HHHHHII", len(path), 0, 0, 0, 0, 0, 0)
        + path
    )
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + end


def with_sheet_xml(book: bytes, position: int, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with the XML of one sheet (from 1) changed."""
    with zipfile.ZipFile(io.BytesIO(book)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    path = f"xl/worksheets/sheet{position}.xml"
    return zipped(entries | {path: change(entries[path])})
