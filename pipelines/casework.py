"""What people of the LA write: decisions on schools' explanations, and notes of contact with schools.

It lies in a database of its own, so that a page can write while a run holds the warehouse. It is opened for a moment at a
time, by one writer or reader after the other; who comes second waits.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
from filelock import FileLock

from pipelines.checking.identifiers import LONG_NUMBER, STRUCK_OUT
from pipelines.settings import Settings
from pipelines.warehouse import WarehouseKeyError, attach, encrypt_plain, open_database

DECISIONS = ("accepted", "refused")
ALIAS = "cases"
TABLES = {
    # every decision ever taken: the newest on an explanation counts
    "casework.decisions": 'explanation_id VARCHAR, decision VARCHAR, "by" VARCHAR, "at" TIMESTAMP, note VARCHAR',
    "casework.contact_notes": """
        note_id VARCHAR PRIMARY KEY, urn VARCHAR, on_date DATE, who VARCHAR, agreed VARCHAR, about VARCHAR,
        written_at TIMESTAMP""",
}
PATIENCE = 30  # seconds: nobody holds the file for long


def casework_path(settings: Settings) -> Path:
    """The database of what people write."""
    return settings.data_dir / "casework.duckdb"


def decide(
    settings: Settings,
    explanation_id: str,
    decision: str,
    *,
    by: str,
    note: str | None = None,
    at: datetime | None = None,
) -> None:
    """Accept or refuse an explanation; a later decision on the same one takes its place.

    The school reads the note of a refusal in its letter. Raises ValueError for another word, and for a refusal without a
    note.
    """
    if decision not in DECISIONS:
        raise ValueError(f"A decision is one of {', '.join(DECISIONS)}, not {decision}.")
    note = _said(note)
    if decision == "refused" and not note:
        raise ValueError("Say why it is refused: the school reads it in its letter.")
    with _casework(settings) as connection:
        connection.execute(
            f"INSERT INTO {ALIAS}.casework.decisions VALUES (?, ?, ?, ?, ?)",
            [explanation_id, decision, _said(by), at or datetime.now().replace(microsecond=0), note],
        )


def decisions(settings: Settings) -> pl.DataFrame:
    """The decision that counts on each explanation: explanation_id, decision, by, at, note."""
    return _read(
        settings,
        """
        SELECT explanation_id, decision, "by", "at", note FROM {alias}.casework.decisions
        -- of two in one second the one that was written last
        QUALIFY row_number() OVER (PARTITION BY explanation_id ORDER BY "at" DESC, rowid DESC) = 1
        ORDER BY explanation_id
        """,
        dict.fromkeys(("explanation_id", "decision", "by", "note"), pl.String) | {"at": pl.Datetime("us")},
        ["explanation_id", "decision", "by", "at", "note"],
    )


def add_note(
    settings: Settings,
    urn: str,
    *,
    who: str,
    agreed: str,
    on_date: date,
    about: str | None = None,
    written_at: datetime | None = None,
) -> str:
    """Keep a note of contact with a school: who rang or wrote, when, what about and what was agreed; gives its id.

    Raises ValueError where nothing says who, or what was agreed.
    """
    who, agreed = _said(who), _said(agreed)
    if not who or not agreed:
        raise ValueError("A note of contact says who rang or wrote, and what was agreed.")
    note_id = os.urandom(8).hex()
    with _casework(settings) as connection:
        connection.execute(
            f"INSERT INTO {ALIAS}.casework.contact_notes VALUES (?, ?, ?, ?, ?, ?, ?)",
            [note_id, urn, on_date, who, agreed, _said(about), written_at or datetime.now().replace(microsecond=0)],
        )
    return note_id


def notes(settings: Settings, urn: str | None = None) -> pl.DataFrame:
    """Notes of contact, the newest first: note_id, urn, on_date, who, agreed, about, written_at."""
    names = ["note_id", "urn", "on_date", "who", "agreed", "about", "written_at"]
    found = _read(
        settings,
        f"""
        SELECT {", ".join(names)} FROM {{alias}}.casework.contact_notes
        ORDER BY on_date DESC, written_at DESC, note_id
        """,
        dict.fromkeys(names, pl.String) | {"on_date": pl.Date, "written_at": pl.Datetime("us")},
        names,
    )
    return found.filter(pl.col("urn") == urn) if urn else found


def rename_explanations(settings: Settings, new_ids: dict[str, str]) -> int:
    """Let the decisions stand on the same explanations under other ids (earlier -> new); gives their number.

    Repeating it changes nothing. The earlier ids are in no byte of the file afterwards.
    """
    ids = pl.DataFrame(
        {"earlier": list(new_ids), "new": list(new_ids.values())}, schema_overrides={"earlier": pl.String}
    )
    return _rewrite(
        settings,
        ids,
        f"""
        UPDATE {ALIAS}.casework.decisions AS decisions SET explanation_id = given.new
        FROM given WHERE decisions.explanation_id = given.earlier
        """,
    )


def forget(settings: Settings, before: date, explanations: list[str]) -> tuple[int, int]:
    """Remove decisions taken before a day, but on the explanations that are kept, and notes of contacts before it.

    Gives the numbers of decisions and of notes. What is removed is in no byte of the file afterwards.
    """
    kept = pl.DataFrame({"explanation_id": explanations}, schema={"explanation_id": pl.String})
    decided = _rewrite(
        settings,
        kept,
        f"""
        DELETE FROM {ALIAS}.casework.decisions
        WHERE "at" < DATE '{before}' AND explanation_id NOT IN (SELECT explanation_id FROM given)
        """,
    )
    return decided, _rewrite(
        settings, kept, f"DELETE FROM {ALIAS}.casework.contact_notes WHERE on_date < DATE '{before}'"
    )


def _rewrite(settings: Settings, given: pl.DataFrame, statement: str) -> int:
    """Run a statement on the casework, then write its file anew: in the old one what was removed would remain."""
    if not casework_path(settings).exists():
        return 0
    with _casework(settings, and_rewrite=True) as connection:
        connection.register("given", given.to_arrow())
        return connection.execute(statement).fetchone()[0]


def _said(text: str | None) -> str | None:
    """What a person typed, without what could be a pupil's number; None where it is nothing."""
    return re.sub(LONG_NUMBER, STRUCK_OUT, text or "").strip() or None


def _read(settings: Settings, sql: str, schema: dict, names: list[str]) -> pl.DataFrame:
    if not casework_path(settings).exists():  # nobody has written anything
        return pl.DataFrame(schema={name: schema[name] for name in names})
    with _casework(settings) as connection:
        return connection.sql(sql.format(alias=ALIAS)).pl()


@contextmanager
def _casework(settings: Settings, *, and_rewrite: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the casework with its tables there. One that was made before there was a key is encrypted first.

    and_rewrite: the file is written anew when the connection is closed.
    """
    path = casework_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    # two pages are two threads of one process, which DuckDB's own lock on the file does not keep apart
    with FileLock(path.with_suffix(".lock"), timeout=PATIENCE):
        try:
            connection = open_database(settings, path, ALIAS, PATIENCE)
        except WarehouseKeyError:
            if not encrypt_plain(settings, path):
                raise
            connection = open_database(settings, path, ALIAS, PATIENCE)
        try:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ALIAS}.casework")
            for name, columns in TABLES.items():
                connection.execute(f"CREATE TABLE IF NOT EXISTS {ALIAS}.{name} ({columns})")
            yield connection
        finally:
            connection.close()
        if and_rewrite:
            _write_anew(settings, path)


def _write_anew(settings: Settings, path: Path) -> None:
    """Put a copy in the place of the file, without the blocks of what was removed."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    connection = open_database(settings, path, ALIAS, PATIENCE)
    try:
        attach(connection, fresh, "fresh", settings)
        connection.execute(f"COPY FROM DATABASE {ALIAS} TO fresh")
        connection.execute("DETACH fresh")
    finally:
        connection.close()
    fresh.replace(path)
