"""A received file -> its tables as text, with every sheet and column that was found or missed."""

from dataclasses import dataclass, field

import polars as pl

from expectations.contracts import Contract
from pipelines.reading.faults import Unreadable
from pipelines.reading.sheets import Sheet, open_sheets
from pipelines.reading.tables import LaidTable, lay_in_columns


@dataclass(frozen=True)
class SheetRecord:
    """A sheet found, or a table of the contract that was not: what `raw.sheets` says of it."""

    table_name: str | None
    sheet_name: str | None
    known: bool
    found: bool
    required: bool
    hidden: bool = False
    repeated: bool = False
    header_found: bool | None = None
    rows_received: int = 0


@dataclass(frozen=True)
class ColumnRecord:
    """A column found, or a required one that was not: what `raw.columns` says of it."""

    table_name: str
    field: str | None
    column_name: str | None
    known: bool
    found: bool
    required: bool
    repeated: bool = False
    agrees: bool = True


@dataclass(frozen=True)
class ReceivedFile:
    """tables: name -> `row_number`, the contract's fields and `surplus` as text; empty where the file has a fault.

    A table has `<field>__differs` as well where a column came twice and its cells differ.
    """

    fault: str | None = None
    sheets: list[SheetRecord] = field(default_factory=list)
    columns: list[ColumnRecord] = field(default_factory=list)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)


def read_file(data: bytes, contract: Contract, max_bytes: int, term_name: str | None = None) -> ReceivedFile:
    """Read a return. Never raises, whatever the bytes: a file that can't be read comes back with its fault.

    `term_name` (autumn, spring, summer) decides which tables are required; without one, those that are in every term.
    Of two sheets of one table the first is read.
    """
    try:
        _, sheets = open_sheets(data, max_bytes)
        return _read_sheets(sheets, contract, term_name)
    except Unreadable as error:
        return ReceivedFile(fault=error.fault)


def _read_sheets(sheets: list[Sheet], contract: Contract, term_name: str | None) -> ReceivedFile:
    names = [sheet.table_name for sheet in sheets]
    laid: dict[str, LaidTable] = {}
    for sheet in sheets:
        if sheet.table_name in contract.tables and sheet.table_name not in laid:
            laid[sheet.table_name] = lay_in_columns(sheet.read_cells(), contract.tables[sheet.table_name])
    required = {
        name: term_name in table.required_in if term_name else len(table.required_in) == 3
        for name, table in contract.tables.items()
    }
    records = []
    for position, sheet in enumerate(sheets):
        table = laid.get(sheet.table_name) if names.index(sheet.table_name) == position else None
        records.append(
            SheetRecord(
                table_name=sheet.table_name,
                sheet_name=sheet.name,
                known=sheet.table_name is not None,
                found=True,
                required=required.get(sheet.table_name, False),
                hidden=sheet.hidden,
                repeated=sheet.table_name is not None and names.count(sheet.table_name) > 1,
                header_found=table.header_found if table else None,
                rows_received=table.rows.height if table else 0,
            )
        )
    missing = [SheetRecord(name, None, True, False, required[name]) for name in contract.tables if name not in names]
    return ReceivedFile(
        sheets=records + missing,
        columns=[
            ColumnRecord(
                table_name=name,
                field=column.field,
                column_name=column.column_name,
                known=column.field is not None,
                found=column.found,
                required=column.field is not None and contract.tables[name].fields[column.field].required,
                repeated=column.repeated,
                agrees=column.agrees,
            )
            for name, table in laid.items()
            for column in table.columns
        ],
        tables={name: table.rows for name, table in laid.items()},
    )
