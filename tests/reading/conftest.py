"""A warehouse in which returns are placed, and an archive that has their bytes."""

from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
import pytest

from pipelines.landing.archive import archive_bytes
from pipelines.settings import Settings
from pipelines.warehouse import warehouse

RECEIVED_AT = datetime(2025, 12, 15, 9, 30)


@pytest.fixture
def connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse(settings) as open_connection:
        yield open_connection


@pytest.fixture
def place(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Callable[..., str]:
    """Put a file into the archive and the ledger as the pull does; gives its return_id."""

    def put(
        data: bytes,
        return_id: str,
        term: str = "2025-26-autumn",
        urn: str = "100001",
        fault: str | None = None,
        state: str = "received",
        specification: str = "1.0",
    ) -> str:
        sha256 = archive_bytes(settings, data)
        connection.execute(
            "INSERT INTO ledger.files BY NAME SELECT $1 AS file_id, $2 AS sha256, $3 AS fault, $4 AS state",
            [return_id, sha256, fault, state],
        )
        connection.execute(
            """
            INSERT INTO ledger.returns BY NAME
            SELECT
                $1 AS return_id, $2 AS sha256, $3 AS urn, $4 AS term, $5 AS specification, $6 AS received_at, $7 AS state
            """,
            [return_id, sha256, urn, term, specification, RECEIVED_AT, state],
        )
        return return_id

    return put
