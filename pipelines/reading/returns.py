"""Every placed return of some terms: archived bytes -> typed rows in schema raw, read once for the same inputs."""

import hashlib
import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime

import duckdb
import polars as pl

from expectations.contracts import Contract, accepted_versions, code_list, load_contract
from pipelines.reading import faults
from pipelines.reading.files import ReceivedFile, read_file
from pipelines.reading.typed import type_rows
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import LATEST_CONTRACT, transaction

log = logging.getLogger(__name__)

# Raise it when the same bytes would be read differently: every return is then read again.
READER_VERSION = 1
STAGE = "reading"
BATCH = 100
THREADS = 2
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Due:
    """A return to be read."""

    return_id: str
    sha256: str
    urn: str
    term: str
    received_at: datetime
    contract: Contract
    as_at_date: date | None
    fingerprint: str


def read_returns(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> dict[str, int]:
    """Read every placed file of the terms that was not read yet with the same contract, calendar and reader.

    Rewrites their rows of schema raw, ledger.reads and ledger.audit, a batch of returns in one transaction. A file that
    turns out to be unreadable gets its fault in ledger.files and has no rows. Gives counts: returns_read,
    returns_unchanged, returns_unreadable, rows.
    """
    due, unchanged = _due(settings, connection, terms)
    counts = {"returns_read": 0, "returns_unchanged": unchanged, "returns_unreadable": 0, "rows": 0}
    for batch in _received(settings, due):
        counts["rows"] += _rewrite(connection, batch)
        counts["returns_read"] += len(batch)
        counts["returns_unreadable"] += sum(file.fault is not None for _, file in batch)
    return counts


def _due(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> tuple[list[Due], int]:
    """The returns to be read, in order, and how many need not be."""
    placed = connection.execute(
        """
        select r.return_id, r.sha256, r.urn, r.term, r.specification, r.received_at, d.fingerprint
        from ledger.returns as r
        inner join ledger.files as f on r.return_id = f.file_id
        left join ledger.reads as d on r.return_id = d.return_id
        where list_contains($terms, r.term) and (f.fault is null or f.fault = $no_return_table)
        order by r.term, r.return_id
        """,
        {"terms": list(terms), "no_return_table": faults.NO_RETURN_TABLE},
    ).fetchall()
    calendar = load_calendar(settings)
    due = []
    for return_id, sha256, urn, term, specification, received_at, read_with in placed:
        contract = load_contract(_version(specification))
        as_at_date = calendar[term].as_at_date if term in calendar else None
        fingerprint = _fingerprint(contract, as_at_date, settings.max_file_megabytes)
        if fingerprint != read_with:
            due.append(Due(return_id, sha256, urn, term, received_at, contract, as_at_date, fingerprint))
    return due, len(placed) - len(due)


def _version(specification: str | None) -> str:
    """The contract to read with: a file of an unknown specification is rejected, and is still received."""
    known = {version for versions in accepted_versions().values() for version in versions}
    return specification if specification in known else LATEST_CONTRACT


def _fingerprint(contract: Contract, as_at_date: date | None, max_megabytes: int) -> str:
    """What a return's rows depend on, beside its bytes."""
    lists = sorted({f.list for table in contract.tables.values() for f in table.fields.values() if f.list})
    inputs = (READER_VERSION, contract, [(name, list(code_list(name))) for name in lists], as_at_date, max_megabytes)
    return hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]


def _received(settings: Settings, due: list[Due]) -> Iterator[list[tuple[Due, ReceivedFile]]]:
    """Batches of files read; the next batch is being read while one is written."""
    batches = [due[start : start + BATCH] for start in range(0, len(due), BATCH)]
    with ThreadPoolExecutor(THREADS) as pool:

        def begin(batch: list[Due]) -> list[Future]:
            return [pool.submit(_read, settings, item) for item in batch]

        running = begin(batches[0]) if batches else []
        for number, batch in enumerate(batches):
            files = [future.result() for future in running]
            running = begin(batches[number + 1]) if number + 1 < len(batches) else []
            yield list(zip(batch, files, strict=True))


def _read(settings: Settings, item: Due) -> ReceivedFile:
    # archive.read_archived raises where bytes are gone: that is no fault of the school's file, and stops the run
    from pipelines.landing.archive import read_archived

    data = read_archived(settings, item.sha256)
    try:
        return read_file(data, item.contract, settings.max_file_megabytes * MEGABYTE, item.term.rpartition("-")[2])
    except Exception as error:
        log.warning("return %s could not be read: %s", item.return_id, type(error).__name__)
        return ReceivedFile(fault=faults.TRUNCATED)


def _rewrite(connection: duckdb.DuckDBPyConnection, batch: list[tuple[Due, ReceivedFile]]) -> int:
    """Put a batch's rows in place of what was there. Returns the number of rows of the return's tables."""
    tables = {name: _typed_table(name, batch) for name in load_contract(LATEST_CONTRACT).tables}
    tables = {name: rows for name, rows in tables.items() if rows is not None}
    return_ids = [item.return_id for item, _ in batch]
    with transaction(connection):
        for name in load_contract(LATEST_CONTRACT).tables:
            _delete(connection, f"raw.{name}", return_ids)
        for name in ("raw.sheets", "raw.columns"):
            _delete(connection, name, return_ids)
        connection.execute(
            "DELETE FROM ledger.audit WHERE stage = $stage AND list_contains($return_ids, return_id)",
            {"stage": STAGE, "return_ids": return_ids},
        )
        for name, rows in tables.items():
            _insert(connection, f"raw.{name}", rows)
        _insert(connection, "raw.sheets", _records(batch, "sheets"))
        _insert(connection, "raw.columns", _records(batch, "columns"))
        _insert(connection, "ledger.audit", _audit(batch, tables))
        for item, file in batch:
            if file.fault:
                connection.execute(
                    "UPDATE ledger.files SET fault = $fault WHERE file_id = $file_id",
                    {"fault": file.fault, "file_id": item.return_id},
                )
        connection.executemany(
            "INSERT OR REPLACE INTO ledger.reads VALUES ($1, $2, $3)",
            [(item.return_id, item.fingerprint, item.received_at) for item, _ in batch],
        )
    return sum(rows.height for rows in tables.values())


def _typed_table(name: str, batch: list[tuple[Due, ReceivedFile]]) -> pl.DataFrame | None:
    """One table over all returns of the batch, typed once."""
    parts: dict[str, list[pl.DataFrame]] = {}
    contracts = {}
    for item, file in batch:
        if name in file.tables and file.tables[name].height:
            contracts[item.contract.version] = item.contract
            keys = [
                pl.lit(item.return_id).alias("return_id"),
                pl.lit(item.urn).alias("return_urn"),
                pl.lit(item.term).alias("return_term"),
                pl.lit(item.as_at_date, dtype=pl.Date).alias("as_at"),
            ]
            parts.setdefault(item.contract.version, []).append(file.tables[name].with_columns(keys))
    typed = [
        type_rows(pl.concat(frames, how="diagonal"), contracts[version].tables[name], pl.col("as_at")).drop("as_at")
        for version, frames in parts.items()
    ]
    return pl.concat(typed, how="diagonal") if typed else None


def _records(batch: list[tuple[Due, ReceivedFile]], kind: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"return_id": item.return_id, "urn": item.urn, "term": item.term, **asdict(record)}
            for item, file in batch
            for record in getattr(file, kind)
        ],
        infer_schema_length=None,
    )


def _audit(batch: list[tuple[Due, ReceivedFile]], tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Of each table that a file has: the rows in the file, and those that came out of this stage."""
    came_out = {
        (return_id, name): count
        for name, rows in tables.items()
        for return_id, count in rows.group_by("return_id").len().iter_rows()
    }
    return pl.DataFrame(
        [
            (item.return_id, STAGE, name, rows.height, came_out.get((item.return_id, name), 0), 0)
            for item, file in batch
            for name, rows in file.tables.items()
        ],
        schema=["return_id", "stage", "table_name", "rows_in", "rows_out", "rows_quarantined"],
        orient="row",
    )


def _delete(connection: duckdb.DuckDBPyConnection, table: str, return_ids: list[str]) -> None:
    connection.execute(f"DELETE FROM {table} WHERE list_contains($return_ids, return_id)", {"return_ids": return_ids})


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    if rows.height:
        connection.register("rows_to_insert", rows.to_arrow())
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_insert")
        connection.unregister("rows_to_insert")
