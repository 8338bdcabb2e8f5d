"""A landing zone, a warehouse that knows four schools, and returns that are small and real."""

import io
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.settings import Settings
from pipelines.warehouse import warehouse

PULLED_AT = datetime(2025, 12, 15, 9, 30)
# urn, LAESTAB, LA, GIAS status: two of LA 801, one of another LA, and 801's academy with the school that it was
SCHOOLS = [
    ("100001", "8012001", "801", "1"),
    ("100002", "8012002", "801", "1"),
    ("100003", "8022003", "802", "1"),
    ("100004", "8012004", "801", "2"),
    ("140004", "8012004", "801", "1"),
    ("100005", "8012005", "801", "2"),
]


def zipped(tables: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in tables.items():
            # a time of its own would make other bytes each time
            file.writestr(zipfile.ZipInfo(f"{name}.csv", (2025, 12, 1, 0, 0, 0)), text)
    return packed.getvalue()


def a_return(
    laestab: str = "8012001",
    urn: str = "100001",
    academic_year: str = "2025-26",
    term: str = "AUTUMN",
    specification: str = "1.0",
    note: str = "",
) -> bytes:
    """A ZIP with a `return` table; a note makes other bytes of the same return."""
    header = "laestab,urn,academic_year,term,as_at_date,specification,authorised_by_role,nil_return"
    row = f"{laestab},{urn},{academic_year},{term},2025-12-05,{specification},SENCO,N"
    return zipped({"return": f"{header}\n{row}\n", "pupils": f"upn,uln{note}\n"})


@pytest.fixture
def settled(settings: Settings) -> Settings:
    """Files are whole as soon as they are there."""
    return settings.model_copy(update={"settling_seconds": 0.0})


@pytest.fixture
def landing(settled: Settings) -> Path:
    folder = Path(settled.landing)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def connection(settled: Settings):
    with warehouse(settled) as open_connection:
        add_schools(open_connection, SCHOOLS)
        yield open_connection


def add_schools(connection, schools) -> None:
    connection.executemany(
        "INSERT INTO reference.schools (urn, laestab, la_code, status_code) VALUES (?, ?, ?, ?)", schools
    )


def ledger(connection, columns: str, order: str = "path") -> list[tuple]:
    return connection.sql(f"SELECT {columns} FROM ledger.files ORDER BY {order}").fetchall()
