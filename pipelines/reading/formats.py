"""What a received file is, and the one row that says whose return it is: just enough to place it."""

import logging
from dataclasses import dataclass, field

from expectations.contracts import Table, load_contract
from pipelines.reading import faults
from pipelines.reading.faults import Unreadable
from pipelines.reading.sheets import Sheet, open_sheets
from pipelines.reading.tables import lay_in_columns, tidied
from pipelines.warehouse import LATEST_CONTRACT

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inspection:
    """format: `xlsx`, `csv_zip` or None; fault: of `ledger.files.fault` or None; return_row: field -> text or None."""

    format: str | None
    fault: str | None = None
    return_row: dict[str, str | None] = field(default_factory=dict)


def inspect(data: bytes, max_bytes: int) -> Inspection:
    """Look into a received file. Never raises, whatever the bytes.

    `max_bytes` bounds the file once inflated. Where the `return` table has more than one row, a field has the text on
    which they agree, or None; the row is empty where there is no such table or it has no row.
    """
    table = load_contract(LATEST_CONTRACT).tables["return"]
    kind = None
    try:
        kind, sheets = open_sheets(data, max_bytes)
        for sheet in sheets:
            if sheet.table_name:
                sheet.check()
        own = next((sheet for sheet in sheets if sheet.table_name == table.name), None)
        row = _return_row(own, table) if own else None
    except Unreadable as error:
        return Inspection(kind, error.fault)
    except Exception as error:  # one school's file stops no other's
        log.warning("a reader failed: %s", type(error).__name__)
        return Inspection(kind, faults.TRUNCATED)
    return Inspection(kind, faults.NO_RETURN_TABLE) if row is None else Inspection(kind, None, row)


def _return_row(sheet: Sheet, table: Table) -> dict[str, str | None] | None:
    """Field -> text, or None where the sheet has no header."""
    laid = lay_in_columns(sheet.read_cells(), table)
    if not laid.header_found:
        return None
    rows = tidied(laid.rows, table)
    if not rows.height:
        return {}
    # a set, and not Polars' own: a query costs more than the one row that is there
    distinct = {name: set(rows[name].to_list()) for name in table.fields}
    return {name: texts.pop() if len(texts) == 1 else None for name, texts in distinct.items()}
