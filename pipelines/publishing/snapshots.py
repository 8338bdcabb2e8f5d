"""Atomic, read-only snapshots: a new file, then the pointer is flipped; readers never share the pipeline's file."""

import itertools
import os
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.reference import SHOWN_STATES
from pipelines.settings import Settings
from pipelines.warehouse import ALIAS, attach, open_connection

# What viewers may open: a named list, since a view copied whole would still name the warehouse.
ANALYSTS_TABLES = (
    "indicator_units",
    "indicator_values",
    "indicator_values_area",
    "support_cases",
    "ehc_admissions",
    "waiting_times",
    "amounts",
    "needs_profile",
    "returns",
    "issues",
    "explanations",
    "indicators",
    "schools",
    "terms",
    "comparators",
    "comparator_measures",
    "comparator_notes",
)
# The LA's own files in use or refused, each with what could not be taken from it (rows by number, nobody by name).
LA_FILES = """
    SELECT kind, path, sha256, received_at, rows, state, fault FROM {warehouse}.ledger.reference_files WHERE state IN {states}
"""
EXPORTED = "EXPORTED"  # in the published folder: of which snapshots figures have left, a line an export
KEPT = 3  # an open page may still read the one before


class NoSnapshotError(Exception):
    """Nothing has been published yet."""


def current_name(settings: Settings) -> str | None:
    """File name of the newest snapshot, None before the first."""
    pointer = settings.published_dir / "CURRENT"
    return pointer.read_text().strip() if pointer.is_file() else None


def open_snapshot(settings: Settings) -> tuple[duckdb.DuckDBPyConnection, str]:
    """A read-only connection to the newest snapshot (schema marts), and its file name. Raises NoSnapshotError."""
    name = current_name(settings)
    if name is None:
        raise NoSnapshotError(
            f"Nothing has been published in {settings.published_dir} yet: run `sen run` or `sen demo`."
        )
    connection = open_connection(settings)
    attach(connection, settings.published_dir / name, "snapshot", settings, read_only=True)
    connection.execute("USE snapshot")
    return connection, name


def first_exported(settings: Settings) -> datetime | None:
    """When the first snapshot was published of which figures have left; None before the first export."""
    path = settings.published_dir / EXPORTED
    return min(map(datetime.fromisoformat, path.read_text().split()), default=None) if path.is_file() else None


def note_export(settings: Settings, published_at: datetime) -> None:
    """Note that figures of a snapshot leave."""
    with (settings.published_dir / EXPORTED).open("a") as file:
        file.write(f"{published_at.isoformat()}\n")


def keep_places(connection: duckdb.DuckDBPyConnection) -> None:
    """Note the phase and trust of schools that are published for the first time; those of the others stay as they were."""
    connection.execute(
        """INSERT OR IGNORE INTO ledger.school_places
        SELECT coalesce(laestab, urn) AS school, phase, trust_code FROM marts.schools
        -- an academy that keeps its LAESTAB stands where the school before it stood
        QUALIFY row_number() OVER (PARTITION BY school ORDER BY status, urn) = 1"""
    )


def publish(settings: Settings, published_at: datetime) -> str:
    """Publish the marts to the analysts, and the UPN lookup apart; returns the new snapshot's file name.

    A run killed at any point leaves the earlier snapshot current.
    """
    name = _fresh_name(settings, published_at)
    connection = open_connection(settings)
    try:
        attach(connection, settings.warehouse_path, ALIAS, settings, read_only=True)
        tables = {f"marts.{table}": f"SELECT * FROM {ALIAS}.marts.{table}" for table in ANALYSTS_TABLES}
        tables["marts.la_files"] = LA_FILES.format(warehouse=ALIAS, states=SHOWN_STATES)
        tables["marts.contacts"] = f"SELECT urn, name, email, role FROM {ALIAS}.reference.contacts"
        tables["marts.restatements"] = f"SELECT * EXCLUDE (snapshot_from) FROM {ALIAS}.ledger.restatements"
        tables["marts.school_places"] = f"SELECT * FROM {ALIAS}.ledger.school_places"
        tables["marts.snapshot"] = _about(settings, published_at)
        _write(connection, settings.published_dir / name, tables, settings)
        lookup = {"restricted.pupil_keys": f"SELECT * FROM {ALIAS}.restricted.pupil_keys"}
        _write(connection, settings.published_dir / "restricted" / name, lookup, settings)
    finally:
        connection.close()
    # the restricted one first: whoever sees a new analysts' snapshot finds its lookup
    for folder in (settings.published_dir / "restricted", settings.published_dir):
        _flip(folder, name)
        _remove_old(folder, name)
    return name


def _fresh_name(settings: Settings, published_at: datetime) -> str:
    """A name that no snapshot had: readers tell a new snapshot by its name."""
    stem = f"sen-{published_at:%Y%m%dT%H%M%S}"
    taken = {path.stem for path in settings.published_dir.glob("sen-*.duckdb")}
    return next(f"{name}.duckdb" for name in (f"{stem}-{n:03}" for n in itertools.count(1)) if name not in taken)


def _about(settings: Settings, published_at: datetime) -> str:
    name = settings.la_name.replace("'", "''")
    return (
        f"SELECT TIMESTAMP '{published_at:%Y-%m-%d %H:%M:%S}' AS published_at, max(term) AS newest_term, "
        f"count(*) AS terms, '{settings.la_code}' AS la_code, '{name}' AS la_name FROM {ALIAS}.marts.terms"
    )


def _write(connection: duckdb.DuckDBPyConnection, path: Path, tables: dict[str, str], settings: Settings) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    for left_over in path.parent.glob("*.new*"):
        left_over.unlink()
    attach(connection, fresh, "fresh", settings)
    for table, query in tables.items():
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS fresh.{table.split('.')[0]}")
        connection.execute(f"CREATE TABLE fresh.{table} AS {query}")
    connection.execute("DETACH fresh")
    fresh.replace(path)


def _flip(folder: Path, name: str) -> None:
    pointer = folder / "CURRENT.new"
    with pointer.open("w") as file:
        file.write(name)
        file.flush()
        os.fsync(file.fileno())
    pointer.replace(folder / "CURRENT")


def remove_earlier(settings: Settings) -> int:
    """Remove every snapshot but the newest, and what was begun of one; gives the number that a page still has open.

    A page that has one open goes on reading it until it looks for a newer one.
    """
    current = current_name(settings)
    still_open = 0
    for folder in (settings.published_dir / "restricted", settings.published_dir):
        for begun in folder.glob("*.new*"):
            begun.unlink(missing_ok=True)
        still_open += _remove_old(folder, current, kept=1)
    return still_open


def _remove_old(folder: Path, current: str | None, kept: int = KEPT) -> int:
    others = (path for path in folder.glob("sen-*.duckdb") if path.name != current)
    snapshots = sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)
    still_open = 0
    for path in snapshots[kept - 1 :]:
        try:
            path.unlink()
        except PermissionError:  # Windows: a page still has it open; the next run removes it
            still_open += 1
    return still_open
