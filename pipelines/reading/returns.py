"""Every placed return of some terms: archived bytes -> typed rows in schema raw, read once for the same inputs."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby

import duckdb
import polars as pl

from expectations.contracts import EXPLANATIONS, Contract, Table, known_versions, load_contract
from pipelines.landing.archive import read_archived
from pipelines.reading import faults
from pipelines.reading.files import ColumnRecord, LaidFile, SheetRecord, column_records, lay_out_file, sheet_records
from pipelines.reading.tables import tidied
from pipelines.reading.typed import type_rows
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import LATEST_CONTRACT, transaction

# Raise it when the same bytes would be read differently: every return is then read again.
READER_VERSION = 2
STAGE = "reading"
# one transaction each: every commit costs the warehouse the same fixed work, and a batch's rows are all in memory
BATCH = 400
THREADS = 2
# so few leave row groups so small that the warehouse merges them with earlier ones
FEW_RETURNS = 100
MEGABYTE = 1_000_000
# of a row: which file of its batch it is from
FILE = "file_of_batch"


@dataclass(frozen=True)
class Due:
    """A return to be read."""

    return_id: str
    sha256: str
    urn: str
    term: str
    received_at: datetime
    version: str
    as_at_date: date | None
    fingerprint: str
    has_rows: bool


@dataclass(frozen=True)
class Batch:
    """Returns of one version of the contract, each with its file's cells."""

    contract: Contract
    returns: list[Due]
    files: list[LaidFile]


def read_returns(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> dict[str, int]:
    """Read every placed file of the terms that was not read yet with the same contract, calendar and reader.

    Rewrites their rows of schema raw, ledger.reads and ledger.audit, a batch of returns in one transaction. A file that
    turns out to be unreadable gets its fault in ledger.files and has no rows. Gives counts: returns_read,
    returns_unchanged, returns_unreadable, rows. Raises ArchiveError where the archive has lost a return's bytes.
    """
    due, unchanged = _due(settings, connection, terms)
    counts = {"returns_read": 0, "returns_unchanged": unchanged, "returns_unreadable": 0, "rows": 0}
    if len(due) < FEW_RETURNS:
        connection.execute("SET max_vacuum_tasks = 100")  # DuckDB's own default
    for batch in _batches(settings, due):
        counts["rows"] += _rewrite(connection, batch)
        counts["returns_read"] += len(batch.returns)
        counts["returns_unreadable"] += sum(file.fault is not None for file in batch.files)
    return counts


def _due(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> tuple[list[Due], int]:
    """The returns to be read, in order, and how many need not be."""
    placed = connection.execute(
        """
        select r.return_id, r.sha256, r.urn, r.term, r.specification, r.received_at, d.fingerprint,
            r.return_id in (select s.return_id from raw.sheets as s) as has_rows
        from ledger.returns as r
        inner join ledger.files as f on r.return_id = f.file_id
        left join ledger.reads as d on r.return_id = d.return_id
        where list_contains($terms, r.term) and f.purged_at is null and (f.fault is null or f.fault = $no_return_table)
        order by r.term, r.return_id
        """,
        {"terms": list(terms), "no_return_table": faults.NO_RETURN_TABLE},
    ).fetchall()
    calendar = load_calendar(settings)
    due = []
    for return_id, sha256, urn, term, specification, received_at, read_with, has_rows in placed:
        version = _version(specification)
        as_at_date = calendar[term].as_at_date if term in calendar else None
        fingerprint = _fingerprint(version, as_at_date, settings.max_file_megabytes)
        if fingerprint != read_with:
            due.append(Due(return_id, sha256, urn, term, received_at, version, as_at_date, fingerprint, has_rows))
    return sorted(due, key=lambda item: item.version), len(placed) - len(due)


def _version(specification: str | None) -> str:
    """The contract to read with: a file of an unknown specification is rejected, and is received all the same."""
    return specification if specification in known_versions() else LATEST_CONTRACT


@lru_cache
def _fingerprint(version: str, as_at_date: date | None, max_megabytes: int) -> str:
    """What a return's rows depend on, beside its bytes."""
    inputs = (READER_VERSION, load_contract(version), as_at_date, max_megabytes)  # code lists are in the contract
    return hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]


def _batches(settings: Settings, due: list[Due]) -> Iterator[Batch]:
    """The returns with their files; the next batch is being read while one is written."""
    parts = [
        (version, items[start : start + BATCH])
        for version, group in groupby(due, key=lambda item: item.version)
        for items in [list(group)]
        for start in range(0, len(items), BATCH)
    ]
    with ThreadPoolExecutor(THREADS) as pool:

        def begin(number: int) -> list[Future]:
            return [pool.submit(_read, settings, item) for item in parts[number][1]] if number < len(parts) else []

        running = begin(0)
        for number, (version, items) in enumerate(parts):
            files = [future.result() for future in running]
            running = begin(number + 1)
            yield Batch(load_contract(version), items, files)


def _read(settings: Settings, item: Due) -> LaidFile:
    data = read_archived(settings, item.sha256)  # bytes lost from the archive are no fault of the school's file
    return lay_out_file(data, load_contract(item.version), settings.max_file_megabytes * MEGABYTE)


def _rewrite(connection: duckdb.DuckDBPyConnection, batch: Batch) -> int:
    """Put a batch's rows in place of what was there. Returns the number of rows of the return's tables."""
    keys = _keys(batch)
    received: dict[str, pl.DataFrame] = {}
    with transaction(connection):
        _forget(connection, [item.return_id for item in batch.returns if item.has_rows])
        for name, table in batch.contract.tables.items():
            rows = _tidied_rows(batch, table)
            if rows is not None:
                received[name] = rows
                typed = type_rows(rows.join(keys, on=FILE, how="left"), table, pl.col("as_at"))
                _insert(connection, f"raw.{name}", typed.drop(FILE, "as_at"))
        _insert_explanations(connection, batch, keys)
        _insert_records(connection, batch, received)
        _insert_audit(connection, batch, received)
        _note_faults(connection, batch)
        _note_reads(connection, batch)
    return sum(rows.height for rows in received.values())


def _forget(connection: duckdb.DuckDBPyConnection, return_ids: list[str]) -> None:
    """Take away what an earlier reading left of returns."""
    if not return_ids:
        return
    tables = [f"raw.{name}" for name in (*load_contract(LATEST_CONTRACT).tables, "explanations", "sheets", "columns")]
    for table, condition in [*((table, "true") for table in tables), ("ledger.audit", f"stage = '{STAGE}'")]:
        connection.execute(
            f"DELETE FROM {table} WHERE return_id IN (SELECT unnest($return_ids)) AND {condition}",
            {"return_ids": return_ids},
        )


def _keys(batch: Batch) -> pl.DataFrame:
    """A row a file of the batch: what its rows are known by, and the as-at date of its term."""
    return pl.DataFrame(
        [(n, item.return_id, item.urn, item.term, item.as_at_date) for n, item in enumerate(batch.returns)],
        schema={
            FILE: pl.UInt32,
            "return_id": pl.String,
            "return_urn": pl.String,
            "return_term": pl.String,
            "as_at": pl.Date,
        },
        orient="row",
    )


def _tidied_rows(batch: Batch, table: Table) -> pl.DataFrame | None:
    """One table's rows of all files of the batch, with the file's number in the batch; None where there are none."""
    alike, by_themselves = [], []
    for number, file in enumerate(batch.files):
        laid = file.tables.get(table.name)
        if laid is not None and laid.rows.height:
            mark = pl.Series(FILE, [number], dtype=pl.UInt32).new_from_index(0, laid.rows.height)
            # a column that came twice is compared within its own file
            frames = by_themselves if any(column.repeated for column in laid.columns) else alike
            frames.append(laid.rows.hstack([mark]))
    groups = ([pl.concat(alike, how="diagonal")] if alike else []) + by_themselves
    parts = [tidied(rows, table, keep=[FILE]) for rows in groups]
    return pl.concat(parts, how="diagonal") if parts else None


def _insert_explanations(connection: duckdb.DuckDBPyConnection, batch: Batch, keys: pl.DataFrame) -> None:
    """What the schools say of the queries that they were asked; a sheet without its header is one row that says so."""
    frames = []
    for number, file in enumerate(batch.files):
        laid = file.explanations
        if laid is None:
            continue
        rows = tidied(laid.rows, EXPLANATIONS) if laid.header_found else pl.DataFrame({"row_number": [1]})
        frames.append(
            rows.select(
                pl.lit(number, dtype=pl.UInt32).alias(FILE),
                pl.col("row_number").cast(pl.Int32),
                *(
                    pl.col(name) if name in rows.columns else pl.lit(None, dtype=pl.String).alias(name)
                    for name in EXPLANATIONS.fields
                ),
                header_found=pl.lit(laid.header_found),
            )
        )
    if frames:
        rows = pl.concat(frames).with_columns(prefilled=pl.col("question").is_not_null())
        wanted = rows.join(keys, on=FILE, how="left").drop(FILE, "question", "as_at")
        # a row that holds nothing but our own words says nothing
        said = pl.any_horizontal(pl.col("reference", "explanation").is_not_null()) | ~pl.col("header_found")
        _insert(connection, "raw.explanations", wanted.filter(said))


def _insert_records(connection: duckdb.DuckDBPyConnection, batch: Batch, received: dict[str, pl.DataFrame]) -> None:
    """Which sheets and columns were found, and which were missed."""
    counts = {name: dict(rows.group_by(FILE).len().iter_rows()) for name, rows in received.items()}
    sheets, columns = [], []
    for number, (item, file) in enumerate(zip(batch.returns, batch.files, strict=True)):
        own = (item.return_id, item.urn, item.term)
        rows_received = {name: count.get(number, 0) for name, count in counts.items()}
        term_name = item.term.rpartition("-")[2]
        twice = {name for name, laid in file.tables.items() if any(column.repeated for column in laid.columns)}
        compared = {name: received[name].filter(pl.col(FILE) == number) for name in twice & received.keys()}
        found = sheet_records(file, batch.contract, rows_received, term_name)
        sheets += [(*own, *vars(sheet).values()) for sheet in found]
        columns += [(*own, *vars(column).values()) for column in column_records(file, batch.contract, compared)]
    for name, kind, records in (("raw.sheets", SheetRecord, sheets), ("raw.columns", ColumnRecord, columns)):
        names = ["return_id", "urn", "term", *(field.name for field in fields(kind))]
        _insert(connection, name, pl.DataFrame(records, schema=names, orient="row", infer_schema_length=None))


def _insert_audit(connection: duckdb.DuckDBPyConnection, batch: Batch, received: dict[str, pl.DataFrame]) -> None:
    """Of each table that a file has: the rows in the file, and those that are now in schema raw."""
    for name in batch.contract.tables:
        has_table = [number for number, file in enumerate(batch.files) if name in file.tables]
        counts = dict(received[name].group_by(FILE).len().iter_rows()) if name in received else {}
        rows_in = pl.DataFrame(
            [(batch.returns[number].return_id, counts.get(number, 0)) for number in has_table],
            schema={"return_id": pl.String, "rows_in": pl.Int64},
            orient="row",
        )
        connection.register("received_in_files", rows_in.to_arrow())
        connection.execute(
            f"""
            INSERT INTO ledger.audit BY NAME
            SELECT
                f.return_id, '{STAGE}' AS stage, '{name}' AS table_name, f.rows_in, count(r.return_id) AS rows_out,
                0 AS rows_quarantined
            FROM received_in_files AS f
            LEFT JOIN raw.{name} AS r ON f.return_id = r.return_id
            GROUP BY f.return_id, f.rows_in
            """
        )
        connection.unregister("received_in_files")


def _note_faults(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    for item, file in zip(batch.returns, batch.files, strict=True):
        if file.fault:
            connection.execute(
                "UPDATE ledger.files SET fault = $fault WHERE file_id = $file_id",
                {"fault": file.fault, "file_id": item.return_id},
            )


def _note_reads(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    reads = pl.DataFrame(
        [(item.return_id, item.fingerprint, item.received_at) for item in batch.returns],
        schema={"return_id": pl.String, "fingerprint": pl.String, "read_at": pl.Datetime("us")},
        orient="row",
    )
    _insert(connection, "ledger.reads", reads, verb="INSERT OR REPLACE")


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame, verb: str = "INSERT") -> None:
    if rows.height:
        connection.register("rows_to_insert", rows.to_arrow())
        connection.execute(f"{verb} INTO {table} BY NAME SELECT * FROM rows_to_insert")
        connection.unregister("rows_to_insert")
