"""A received file -> its sheets, be it a workbook or a ZIP of CSV files."""

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from expectations.contracts import EXPLANATIONS, load_contract
from pipelines.reading import faults
from pipelines.reading.containers import Container, Entry, open_container
from pipelines.reading.delimited import is_utf16_without_mark, read_cells
from pipelines.reading.faults import Unreadable
from pipelines.reading.feedback_sheets import is_ours, sheet_names
from pipelines.reading.headers import match
from pipelines.reading.workbooks import Workbook
from pipelines.warehouse import LATEST_CONTRACT


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook, or a file of a ZIP; `table_name` is None where it is neither a table nor `explanations`.

    `check` raises Unreadable where the sheet makes the whole file unreadable; `read_cells` gives every row as text.
    """

    name: str
    table_name: str | None
    hidden: bool
    check: Callable[[], object]
    read_cells: Callable[[], pl.DataFrame]


def open_sheets(data: bytes, max_bytes: int) -> tuple[str, list[Sheet]]:
    """Format and sheets of a received file, in its order. Raises Unreadable with the fault where it has none."""
    container = open_container(data, max_bytes)
    return container.format, _sheets_of_workbook(container) if container.format == "xlsx" else _sheets_of_zip(container)


def _sheets_of_workbook(container: Container) -> list[Sheet]:
    workbook = Workbook(container)
    tables = match(workbook.sheets, sheet_names())
    return [
        Sheet(
            name=name,
            table_name=table,
            hidden=workbook.is_hidden(position),
            check=lambda position=position: workbook.layout(position),
            read_cells=lambda position=position: workbook.read_cells(position),
        )
        for position, (name, table) in enumerate(zip(workbook.sheets, tables, strict=True))
        if not is_ours(name)
    ]


def _sheets_of_zip(container: Container) -> list[Sheet]:
    """One folder level is accepted: a CSV file further down is a file that the contract does not know."""
    sheets = []
    for entry in container.entries:
        stem, extension = posixpath.splitext(entry.name)
        folder, name = posixpath.split(stem)
        is_table = extension.lower() == ".csv" and "/" not in folder
        table = match([name], sheet_names())[0] if is_table else None
        fields = tuple(_columns_of(table)) if table else ()
        sheets.append(
            Sheet(
                name=entry.name,
                table_name=table,
                hidden=False,
                check=lambda entry=entry: _refuse_utf16_without_mark(entry),
                read_cells=lambda entry=entry, fields=fields: read_cells(entry.content, fields),
            )
        )
    return sheets


def _columns_of(table: str) -> Iterable[str]:
    known = EXPLANATIONS if table == EXPLANATIONS.name else load_contract(LATEST_CONTRACT).tables[table]
    return known.fields


def _refuse_utf16_without_mark(entry: Entry) -> None:
    if is_utf16_without_mark(entry.content):
        raise Unreadable(faults.UTF16_WITHOUT_BOM)
