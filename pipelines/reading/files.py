"""A received file -> its tables as text, with every sheet and column that was found or missed."""

import logging
from dataclasses import dataclass, field

import polars as pl

from expectations.contracts import EXPLANATIONS, Contract
from pipelines.reading import faults
from pipelines.reading.faults import Unreadable
from pipelines.reading.sheets import Sheet, open_sheets
from pipelines.reading.tables import DIFFERS, LaidTable, lay_in_columns, tidied
from pipelines.terms import TERM_NAMES

log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class FoundSheet:
    """A sheet without its file, which need not be kept in memory for it."""

    name: str
    table_name: str | None
    hidden: bool


@dataclass(frozen=True)
class LaidFile:
    """A file's sheets in its order, and per table of the contract its cells in columns, not tidied yet.

    explanations: the optional sheet, where it is there and not empty; it is no table, and no record is kept of it.
    """

    fault: str | None = None
    sheets: tuple[FoundSheet, ...] = ()
    tables: dict[str, LaidTable] = field(default_factory=dict)
    explanations: LaidTable | None = None


def read_file(data: bytes, contract: Contract, max_bytes: int, term_name: str | None = None) -> ReceivedFile:
    """Read a return. Never raises, whatever the bytes: a file that can't be read comes back with its fault.

    `term_name` (autumn, spring, summer) decides which tables are required; without one, those that are in every term.
    Of two sheets of one table the first is read. A sheet without its header in row 1 has no rows.
    """
    laid = lay_out_file(data, contract, max_bytes)
    tables = {name: tidied(table.rows, contract.tables[name]) for name, table in laid.tables.items()}
    return ReceivedFile(
        fault=laid.fault,
        sheets=sheet_records(laid, contract, {name: rows.height for name, rows in tables.items()}, term_name),
        columns=column_records(laid, contract, tables),
        tables=tables,
    )


def lay_out_file(data: bytes, contract: Contract, max_bytes: int) -> LaidFile:
    """The cells of a return in their tables' columns, to be tidied together with other returns'. Never raises."""
    try:
        _, sheets = open_sheets(data, max_bytes)
        tables = _lay_out(sheets, contract)
        explanations = _explanations(sheets)
    except Unreadable as error:
        return LaidFile(fault=error.fault)
    except Exception as error:  # one school's file stops no other's
        log.warning("a reader failed: %s", type(error).__name__)
        return LaidFile(fault=faults.TRUNCATED)
    found = tuple(
        FoundSheet(sheet.name, sheet.table_name, sheet.hidden)
        for sheet in sheets
        if sheet.table_name != EXPLANATIONS.name
    )
    return LaidFile(sheets=found, tables=tables, explanations=explanations)


def _lay_out(sheets: list[Sheet], contract: Contract) -> dict[str, LaidTable]:
    tables: dict[str, LaidTable] = {}
    for sheet in sheets:
        if sheet.table_name in contract.tables and sheet.table_name not in tables:
            tables[sheet.table_name] = lay_in_columns(sheet.read_cells(), contract.tables[sheet.table_name])
    return tables


def _explanations(sheets: list[Sheet]) -> LaidTable | None:
    """The first sheet of explanations with anything in it."""
    for sheet in sheets:
        if sheet.table_name == EXPLANATIONS.name:
            cells = sheet.read_cells()
            if any(column.null_count() < cells.height for column in cells.get_columns()):
                return lay_in_columns(cells, EXPLANATIONS)
    return None


def sheet_records(
    laid: LaidFile, contract: Contract, rows_received: dict[str, int], term_name: str | None
) -> list[SheetRecord]:
    """Every sheet of a file, and every table of the contract that has none; nothing of a file with a fault."""
    if laid.fault:
        return []
    required = {
        name: term_name in table.required_in if term_name else table.required_in == TERM_NAMES
        for name, table in contract.tables.items()
    }
    names = [sheet.table_name if sheet.table_name in contract.tables else None for sheet in laid.sheets]
    found = [
        SheetRecord(
            table_name=name,
            sheet_name=sheet.name,
            known=name is not None,
            found=True,
            required=required.get(name, False),
            hidden=sheet.hidden,
            repeated=name is not None and names.count(name) > 1,
            header_found=laid.tables[name].header_found if name else None,
            rows_received=rows_received.get(name, 0) if names.index(name) == position else 0,
        )
        for position, (name, sheet) in enumerate(zip(names, laid.sheets, strict=True))
    ]
    return found + [
        SheetRecord(name, None, True, False, required[name]) for name in contract.tables if name not in names
    ]


def column_records(laid: LaidFile, contract: Contract, tables: dict[str, pl.DataFrame]) -> list[ColumnRecord]:
    """Every column of a file's tables, and every required one that they lack; `tables` are the file's tidied rows.

    A sheet without its header in row 1 has no columns, and none is missed there.
    """
    return [
        ColumnRecord(
            table_name=name,
            field=column.field,
            column_name=column.column_name,
            known=column.field is not None,
            found=column.found,
            required=column.field is not None and contract.tables[name].fields[column.field].required,
            repeated=column.repeated,
            agrees=not (column.repeated and name in tables and tables[name][f"{column.field}{DIFFERS}"].any()),
        )
        for name, table in laid.tables.items()
        for column in table.columns
    ]
