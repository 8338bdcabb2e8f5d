"""Writing the warehouse anew: its tables, the models built on them, and the new file in the place of the one in force."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.building.dbt_project import BUILD, dbt_environment, dbt_executable, target_of_runs
from pipelines.building.terms_to_build import mark_published
from pipelines.changed_terms import term_fingerprints
from pipelines.publishing.restatements import note_restatements
from pipelines.publishing.snapshots import publish, remove_earlier
from pipelines.settings import DBT_PROJECT_DIR, Settings
from pipelines.warehouse import ALIAS, TABLES, attach, create_tables, open_connection, raw_tables, warehouse

OLD = "old"  # the warehouse in force, beside the new one
# schema of the figures that stand, a table each of the marts, with its columns as they were
KEPT = "kept"
# what the build of the new warehouse says for itself
OF_A_BUILD = ("ledger.build", "ledger.published_terms")


class RewriteFailedError(Exception):
    """The models could not be built on the new warehouse; the one in force is as it was."""


def new_path(settings: Settings) -> Path:
    """Where the new warehouse is until it takes the place of the one in force.

    Each process has a name of its own: a dbt that a killed one left behind may still open its file, and write into it.
    """
    return settings.data_dir / f"warehouse.rewritten.{os.getpid()}.duckdb"


@contextmanager
def in_force(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the warehouse in force as `old`, read only."""
    with warehouse(settings):  # makes what a later release has brought, and takes in what a killed run has left
        pass
    connection = open_connection(settings)
    try:
        connection.execute("SET enable_progress_bar = false")
        attach(connection, settings.warehouse_path, OLD, settings, read_only=True)
        yield connection
    finally:
        connection.close()


@contextmanager
def new_warehouse(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """An empty new warehouse, attached as the pipeline's own and in use."""
    clear_leftovers(settings)
    attach(connection, new_path(settings), ALIAS, settings)
    connection.execute(f"USE {ALIAS}")
    create_tables(connection)
    connection.execute(f"CREATE SCHEMA {KEPT}")
    try:
        yield
    finally:
        connection.execute("USE memory")
        connection.execute(f"DETACH {ALIAS}")


def source_tables() -> list[str]:
    """The tables that the pipeline itself writes; dbt makes the rest."""
    return [name for name in TABLES | raw_tables() if name not in OF_A_BUILD]


def copy(connection: duckdb.DuckDBPyConnection, table: str, where: str = "true", changes: str = "") -> None:
    """A table's rows from the warehouse in force into the new one; changes: as in `SELECT * REPLACE (changes)`."""
    columns = ", ".join(f'"{column[0]}"' for column in connection.sql(f"DESCRIBE {table}").fetchall())
    rows = f"SELECT * {f'REPLACE ({changes})' if changes else ''} FROM {OLD}.{table} WHERE {where}"
    connection.execute(f"INSERT INTO {table} BY NAME SELECT {columns} FROM ({rows})")


def copy_kept(connection: duckdb.DuckDBPyConnection) -> None:
    """The figures that stand, as they are."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?", [OLD, KEPT]
    ).fetchall()
    for (table,) in tables:
        connection.execute(f"CREATE TABLE {KEPT}.{table} AS FROM {OLD}.{KEPT}.{table}")


def build_models(settings: Settings) -> None:
    """Every model and its tests, on the new warehouse. Raises RewriteFailedError."""
    target = target_of_runs(settings)
    command = [dbt_executable(), *BUILD, "--project-dir", str(DBT_PROJECT_DIR), "--target-path", str(target)]
    with dbt_environment(settings, new_path(settings)):
        built = subprocess.run(
            command, env={**os.environ, "DBT_LOG_PATH": str(target)}, capture_output=True, text=True, check=False
        )
    if built.returncode:
        raise RewriteFailedError(f"The models could not be built; nothing was changed.\n{built.stdout[-1500:]}")


def put_in_place(settings: Settings) -> None:
    """Let the new warehouse be the one in force: one act, before which everything is as it was."""
    with new_path(settings).open("rb") as file:
        os.fsync(file.fileno())
    new_path(settings).replace(settings.warehouse_path)


def publish_alone(settings: Settings, published_at: datetime, because: str | None = None) -> tuple[int, int]:
    """Publish, and remove every earlier snapshot; (restated figures, snapshots that could not be removed)."""
    restated = note_restatements(settings, published_at, because=because)
    publish(settings, published_at)
    with warehouse(settings) as connection:
        mark_published(settings, connection, [])
    return restated, remove_earlier(settings)


def clear_leftovers(settings: Settings) -> None:
    """Remove what runs that were killed have left: a warehouse half written, and what did not fit into memory."""
    for path in settings.data_dir.glob("warehouse.*"):
        if path.name not in (settings.warehouse_path.name, f"{settings.warehouse_path.name}.wal"):
            _remove(path)
    for path in (settings.data_dir / "tmp").glob("*"):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def unfinished(connection: duckdb.DuckDBPyConnection, rewrite: str, database: str = OLD) -> datetime | None:
    """When the rewrite was put in place of which something remains to be done; None where nothing does."""
    row = connection.execute(
        f"SELECT put_in_place_at FROM {database}.ledger.rewrites WHERE rewrite = ? AND finished_at IS NULL", [rewrite]
    ).fetchone()
    return row[0] if row else None


def note_rewrite(connection: duckdb.DuckDBPyConnection, rewrite: str, at: datetime, says: str) -> None:
    """Write into the new warehouse what it is, and that it is not finished."""
    connection.execute("INSERT INTO ledger.rewrites VALUES (?, ?, ?, NULL)", [rewrite, at, says])


def note_finished(settings: Settings, rewrite: str, at: datetime) -> None:
    """Nothing of the rewrite remains to be done."""
    with warehouse(settings) as connection:
        connection.execute(
            "UPDATE ledger.rewrites SET finished_at = ? WHERE rewrite = ? AND finished_at IS NULL", [at, rewrite]
        )


def up_to_date(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The terms whose last run took in all that there is now."""
    done = dict(connection.sql("SELECT term, fingerprint FROM ledger.term_runs").fetchall())
    current = term_fingerprints(settings, connection)
    return [term for term, fingerprint in current.items() if done.get(term) == fingerprint]
