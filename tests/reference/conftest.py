"""A reference folder, a warehouse, and the LA's own files as a person would write them."""

from datetime import datetime
from pathlib import Path

import pytest

from pipelines.settings import Settings
from pipelines.warehouse import warehouse

PULLED_AT = datetime(2025, 12, 15, 9, 30)
GIAS_HEADER = (
    "URN,LA (code),LA (name),EstablishmentNumber,EstablishmentName,EstablishmentStatus (code),"
    "EstablishmentStatus (name),OpenDate,CloseDate,PhaseOfEducation (name),StatutoryLowAge,NumberOfPupils,"
    "Trusts (code),Section41Approved (name)"
)
GIAS_ROWS = [
    "100001,801,Northford,2001,St Anne's,1,Open,01-09-1990,,Primary,3,210,,Not applicable",
    '100002,801,Northford,2002,Café School,3,"Open, but proposed to close",,31-08-2026,Primary,4,180,5001,Approved',
]


def gias(*rows: str, header: str = GIAS_HEADER) -> bytes:
    """As GIAS gives it: Windows-1252, CRLF."""
    return "".join(f"{line}\r\n" for line in (header, *(rows or GIAS_ROWS))).encode("cp1252")


@pytest.fixture
def settled(settings: Settings) -> Settings:
    return settings.model_copy(update={"settling_seconds": 0.0})


@pytest.fixture
def reference(settled: Settings) -> Path:
    """The LA's folder, with a GIAS file in it."""
    settled.reference_dir.mkdir(parents=True)
    (settled.reference_dir / "edubasealldata20251201.csv").write_bytes(gias())
    return settled.reference_dir


@pytest.fixture
def connection(settled: Settings):
    with warehouse(settled) as open_connection:
        yield open_connection


def rows_of(connection, table: str, columns: str = "*", order: str = "ALL") -> list[tuple]:
    return connection.sql(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()


def fault_of(connection, path: str) -> str | None:
    [(fault,)] = connection.execute(
        "SELECT fault FROM ledger.reference_files WHERE path = ? AND state IN ('current', 'broken')", [path]
    ).fetchall()
    return fault
