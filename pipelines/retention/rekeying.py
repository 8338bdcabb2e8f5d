"""Changing the pseudonym key: every pupil gets another pseudonym, everywhere, and no earlier one is left.

What is made with the key is made again: the lookup, the models, the ids of explanations, and with them the decisions that
people took on those. The key that no setting says lies in the data folder: where it is to be changed without a setting, a
new one waits beside it (`pseudonym.key.next`) until the warehouse that was written with it is in force.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import SecretStr

from pipelines import casework
from pipelines.building.pupil_keys import key_fingerprint, write_pupil_keys
from pipelines.changed_terms import mark_finished
from pipelines.checking.explaining import explanation_id
from pipelines.retention.rewriting import (
    OLD,
    build_models,
    clear_leftovers,
    copy,
    copy_kept,
    in_force,
    new_warehouse,
    note_finished,
    note_rewrite,
    publish_alone,
    put_in_place,
    source_tables,
    unfinished,
    up_to_date,
)
from pipelines.settings import Settings, make_key
from pipelines.warehouse import warehouse

REKEY = "rekey"
MADE_WITH_THE_KEY = ("restricted.pupil_keys", "restricted.key_check", "quality.explanations")


@dataclass(frozen=True)
class Rekeyed:
    """What a rekey did: numbers of pupils, of explanations, and of decisions on them; snapshots that are still open."""

    pupils: int
    explanations: int
    decisions: int
    snapshots_still_open: int

    def __str__(self) -> str:
        """For the person who asked."""
        still_open = (
            f"\n{self.snapshots_still_open} earlier snapshots are open on a page: close it and run `sen rekey` again."
            if self.snapshots_still_open
            else ""
        )
        return (
            f"New pseudonyms for {self.pupils:,} pupils; {self.explanations:,} explanations and {self.decisions:,} decisions "
            f"on them have new ids. A new snapshot is published, and no earlier one is left.{still_open}"
        )


def rekey(settings: Settings, at: datetime, say: Callable[[str], None] = print) -> Rekeyed | None:
    """Give every pupil a pseudonym of the key that is set now; None where it is the one in force already.

    Without SEN_PSEUDONYM_KEY that is the key in the data folder, and where that one is in force a new one. Killed at any
    point, the next call does the rest. The caller is the only writer. Raises RewriteFailedError, with all as it was.
    """
    done = None
    with in_force(settings) as connection:
        is_begun = unfinished(connection, REKEY)
    if is_begun:
        say("An earlier change of the key was not finished")
        done = _finish(settings, at)
    with in_force(settings) as connection:
        before = _fingerprint_in_force(connection)
        if done and not settings.pseudonym_key:
            return done
        new = _settings_with_new_key(settings, before)
        if key_fingerprint(new.pseudonym_secret) == before:
            return done
        say("Writing the warehouse with the new pseudonyms")
        _write(new, connection, at)
    say("Building the figures on it")
    build_models(settings)
    put_in_place(settings)
    return _finish(settings, at)


def _fingerprint_in_force(connection: duckdb.DuckDBPyConnection) -> str | None:
    row = connection.sql(f"SELECT fingerprint FROM {OLD}.restricted.key_check").fetchone()
    return row[0] if row else None


def _settings_with_new_key(settings: Settings, before: str | None) -> Settings:
    """The settings with the key to come: the one that is set; else the data folder's own, and if that is in force a new one."""
    if settings.pseudonym_key or key_fingerprint(settings.pseudonym_secret) != before:
        return settings
    waiting = _waiting_key(settings)
    if not waiting.exists():
        make_key(waiting)
    return settings.model_copy(update={"pseudonym_key": SecretStr(waiting.read_text().strip())})


def _waiting_key(settings: Settings) -> Path:
    return settings.pseudonym_key_path.with_name("pseudonym.key.next")


def _put_new_key_in_place(settings: Settings) -> None:
    """The data folder's own key, once its warehouse is in force; where a setting says the key, none is left to lie there."""
    if settings.pseudonym_key:
        for path in (_waiting_key(settings), settings.pseudonym_key_path):
            path.unlink(missing_ok=True)
    elif _waiting_key(settings).exists():
        _waiting_key(settings).replace(settings.pseudonym_key_path)


def _write(settings: Settings, connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
    """The new warehouse, but for its models, and a note of the ids that are other ones in it."""
    connection.execute(f"USE {OLD}")
    unchanged = up_to_date(settings, connection)
    with new_warehouse(settings, connection):
        for table in source_tables():
            if table not in MADE_WITH_THE_KEY:
                copy(connection, table)
        copy_kept(connection)
        pupils = write_pupil_keys(settings, connection)
        new_ids = _write_explanations(settings, connection)
        # the ids are part of what a term was run with
        mark_finished(settings, connection, unchanged, at)
        note_rewrite(connection, REKEY, at, f"{pupils} pupils, {len(new_ids)} explanations")
    with _note(settings).open("w") as file:
        json.dump(new_ids, file)
        file.flush()
        os.fsync(file.fileno())


def _write_explanations(settings: Settings, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The explanations under their new ids: earlier id -> new one."""
    rows = connection.sql(f"SELECT explanation_id, urn, fact_id, text FROM {OLD}.quality.explanations").fetchall()
    new_ids = {before: explanation_id(settings.pseudonym_secret, *said) for before, *said in rows}
    for before, new in new_ids.items():
        connection.execute(
            f"""
            INSERT INTO quality.explanations BY NAME
            SELECT * REPLACE (? AS explanation_id) FROM {OLD}.quality.explanations WHERE explanation_id = ?
            """,
            [new, before],
        )
    return new_ids


def _note(settings: Settings) -> Path:
    """The ids of explanations, earlier and new, until the decisions on them have the new ones too."""
    return settings.data_dir / "rekeyed_explanations.json"


def _finish(settings: Settings, at: datetime) -> Rekeyed:
    """What remains once the new warehouse is in force; each of it can be done again."""
    _put_new_key_in_place(settings)
    new_ids = json.loads(_note(settings).read_text()) if _note(settings).exists() else {}
    decisions = casework.rename_explanations(settings, new_ids)
    with warehouse(settings) as connection:
        (pupils,) = connection.sql("SELECT count(DISTINCT pupil_key) FROM restricted.pupil_keys").fetchone()
    _, still_open = publish_alone(settings, at)
    clear_leftovers(settings)
    if not still_open:
        _note(settings).unlink(missing_ok=True)
        note_finished(settings, REKEY, at)
    return Rekeyed(pupils, len(new_ids), decisions, still_open)
