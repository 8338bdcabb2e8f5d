"""Removing what is past its retention, from every file of the data folder, the landing zone and the outbox.

The figures of past terms stand, in tables of their own (schema `kept`) that every build takes into the marts; the ledger
keeps a line of each file, with when its bytes were purged.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from pipelines import casework
from pipelines.building.pupil_keys import refuse_changed_key, write_pupil_keys
from pipelines.changed_terms import changed_ranges, mark_finished, term_fingerprints
from pipelines.checking.identifiers import LONG_NUMBER, STRUCK_OUT
from pipelines.feedback.outbox import open_outbox
from pipelines.landing.archive import archived_path
from pipelines.landing.archive import clear_leftovers as clear_incoming
from pipelines.landing.zone import Zone, landing_zone, list_entries, open_entry
from pipelines.publishing.restatements import RETENTION
from pipelines.retention.past import Boundary, boundary, staying, take_past
from pipelines.retention.rewriting import (
    KEPT,
    OLD,
    build_models,
    clear_leftovers,
    copy,
    in_force,
    new_warehouse,
    note_finished,
    note_rewrite,
    publish_alone,
    put_in_place,
    source_tables,
    unfinished,
)
from pipelines.settings import Settings

PURGE = "purge"
# figures of a whole school or area, which stand when nothing is left to make them from
AGGREGATES = ("indicator_values", "indicator_values_area", "waiting_times", "amounts", "needs_profile", "returns")
_TERM = re.compile(r"[0-9]{4}-[0-9]{2}-(autumn|spring|summer)")


class NotUpToDateError(Exception):
    """Something is new that no run has taken in: a purge then could not tell what it changes."""


@dataclass
class Purged:
    """What a purge removes, in numbers; nothing of a pupil."""

    kept_from: str  # academic year
    terms_closed: int = 0  # whose figures stand from now on as they were published
    files: int = 0  # returns, and others in the landing zone, of which the ledger keeps the line
    la_files: int = 0  # versions of the LA's own files, likewise
    archived_files: int = 0
    rows: int = 0  # of returns, as received
    findings: int = 0  # issues, their lives, explanations, rows not counted, rules' runs
    pupils: int = 0  # who are in nothing that is kept
    letters_and_workbooks: int = 0  # files of the outbox
    files_in_landing_zone: int = 0
    files_in_reference_folder: int = 0
    decisions_and_notes: int = 0
    restated_figures: int = 0
    left: list[str] = field(default_factory=list)  # what could not be removed: in words

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to remove."""
        return not any(value for name, value in asdict(self).items() if name not in ("kept_from", "terms_closed"))

    def in_lines(self, heading: str) -> str:
        """For the person who asked."""
        if self.is_nothing:
            return f"Nothing is past its retention: what is kept begins with {self.kept_from}."
        lines = [f"What is kept begins with {self.kept_from}. {heading}:"]
        counts = {name: value for name, value in asdict(self).items() if isinstance(value, int) and value}
        lines += [f"  {value:>9,} {name.replace('_', ' ')}" for name, value in counts.items()]
        return "\n".join(lines + [f"Left: {what}" for what in self.left])


def what_is_past(settings: Settings, on: datetime) -> Purged:
    """What a purge on that day would remove; nothing is changed."""
    bounds = boundary(settings, on.date())
    with in_force(settings) as connection:
        take_past(connection, bounds)
        return _counted(settings, connection, bounds)


def purge(settings: Settings, on: datetime, say: Callable[[str], None] = print) -> Purged:
    """Remove what is past its retention on that day. Killed at any point, the next call does the rest.

    The caller is the only writer. Raises NotUpToDateError, PseudonymKeyChangedError, and RewriteFailedError, each with all
    as it was.
    """
    bounds = boundary(settings, on.date())
    with in_force(settings) as connection:
        is_begun = unfinished(connection, PURGE)
    if is_begun:
        say("An earlier purge was not finished")
        _finish(settings, bounds, on)
    with in_force(settings) as connection:
        take_past(connection, bounds)
        removed = _counted(settings, connection, bounds)
        if removed.is_nothing:
            return removed
        connection.execute(f"USE {OLD}")
        refuse_changed_key(settings, connection)
        if changed_ranges(settings, connection):
            raise NotUpToDateError("There is something new that no run has taken in: run `sen run` first.")
        say("Writing the warehouse without what is past its retention")
        removed.terms_closed = _write(settings, connection, bounds, on, removed)
    say("Building the figures on it")
    build_models(settings)
    with in_force(settings) as connection:
        take_past(connection, bounds)
        say("Removing files")
        removed.left += _remove_files(settings, connection, bounds)
    put_in_place(settings)
    finished = _finish(settings, bounds, on)
    removed.decisions_and_notes, removed.restated_figures = finished.decisions_and_notes, finished.restated_figures
    removed.left += finished.left
    return removed


def _counted(settings: Settings, connection: duckdb.DuckDBPyConnection, bounds: Boundary) -> Purged:
    stays = staying(bounds)

    def going(tables: list[str]) -> int:
        counts = [
            f"SELECT count(*) AS going FROM {OLD}.{table} WHERE NOT coalesce({stays[table]}, false)" for table in tables
        ]
        return connection.sql(f"SELECT sum(going)::BIGINT FROM ({' UNION ALL '.join(counts)})").fetchone()[0]

    def count(query: str) -> int:
        return connection.sql(f"SELECT count(*) FROM {query}").fetchone()[0]

    decided = casework.decisions(settings).filter(pl.col("at") < bounds.first_day)
    kept = _explanations_kept(connection, OLD, stays["quality.explanations"])
    noted = casework.notes(settings).filter(pl.col("on_date") < bounds.first_day)
    return Purged(
        kept_from=bounds.first_kept,
        files=count("past_files WHERE purged_at IS NULL"),
        la_files=count("past_reference_files WHERE purged_at IS NULL"),
        archived_files=len(_archived(settings, connection)),
        rows=going([table for table in stays if table.startswith("raw.")]),
        findings=going([table for table in stays if table.startswith("quality.")]),
        pupils=count(
            f"(SELECT DISTINCT pupil_key FROM {OLD}.restricted.pupil_keys ANTI JOIN kept_pupils USING (pupil_key))"
        ),
        letters_and_workbooks=len(_in_outbox(settings, bounds)),
        files_in_landing_zone=len(_in_landing_zone(settings, connection)),
        files_in_reference_folder=len(_in_reference_folder(settings, connection)),
        decisions_and_notes=decided.filter(~pl.col("explanation_id").is_in(kept)).height + noted.height,
    )


def _write(
    settings: Settings, connection: duckdb.DuckDBPyConnection, bounds: Boundary, at: datetime, removed: Purged
) -> int:
    """The new warehouse, but for its models; gives the number of terms whose figures stand from now on."""
    up_to_date = list(term_fingerprints(settings, connection))
    stays, changes = staying(bounds), _changes(bounds, at)
    with new_warehouse(settings, connection):
        for table in source_tables():
            copy(connection, table, stays.get(table, "true"), changes.get(table, ""))
        for mart in AGGREGATES:
            connection.execute(
                f"CREATE TABLE {KEPT}.{mart} AS FROM {OLD}.marts.{mart} WHERE left(term, 7) < $1", [bounds.first_open]
            )
        (closed,) = connection.execute(
            f"""
            INSERT INTO ledger.closed_terms
            SELECT term, ? FROM {OLD}.marts.terms
            WHERE left(term, 7) < ? AND term NOT IN (SELECT term FROM {OLD}.ledger.closed_terms)
            """,
            [at, bounds.first_open],
        ).fetchone()
        write_pupil_keys(settings, connection)
        note_rewrite(
            connection, PURGE, at, f"kept from {bounds.first_kept}: {removed.files} files, {removed.pupils} pupils"
        )
        # all of it was taken in before, and what is left of it needs no run
        mark_finished(settings, connection, [term for term in up_to_date if term[:7] >= bounds.first_open], at)
    return closed


def _changes(bounds: Boundary, at: datetime) -> dict[str, str]:
    """What is said otherwise of what is past: as in `SELECT * REPLACE (...)`."""
    is_past = "{} IN (SELECT file_id FROM past_files)"

    def struck_out(column: str, key: str) -> str:
        return (
            f"CASE WHEN {is_past.format(key)} THEN regexp_replace({column}, '{LONG_NUMBER}', '{STRUCK_OUT}', 'g') "
            f"ELSE {column} END AS {column}"
        )

    when = f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'"
    of_past_term = f"coalesce(left(term, 7) < '{bounds.first_kept}', false)"
    is_past_version = "(path, sha256, received_at) IN (SELECT (path, sha256, received_at) FROM past_reference_files)"
    return {
        "ledger.files": f"{struck_out('path', 'file_id')}, {struck_out('file_name', 'file_id')}, "
        f"CASE WHEN {is_past.format('file_id')} THEN coalesce(purged_at, {when}) END AS purged_at",
        "ledger.returns": struck_out("file_name", "return_id"),
        "ledger.reference_files": f"CASE WHEN {is_past_version} THEN coalesce(purged_at, {when}) END AS purged_at, "
        f"CASE WHEN {is_past_version} THEN 'purged' ELSE state END AS state",
        # a letter's line says that it was written, and no longer to whom
        "ledger.letters": ", ".join(
            f"CASE WHEN NOT {of_past_term} THEN {column} END AS {column}"
            for column in ("message", "addresses", "accepted_by", "last_error", "path")
        )
        + f", CASE WHEN {of_past_term} AND state NOT IN ('sent', 'filed') THEN 'overtaken' ELSE state END AS state",
    }


def _remove_files(settings: Settings, connection: duckdb.DuckDBPyConnection, bounds: Boundary) -> list[str]:
    """Remove the bytes of what is past; gives what could not be removed, in words."""
    left = []
    clear_incoming(settings)
    for path in _archived(settings, connection):
        path.chmod(0o600)  # Windows removes no read-only file
        path.unlink()
    zone = landing_zone(settings)
    folder = _reference_zone(settings)
    for where, locations, remove in (
        ("the landing zone", _in_landing_zone(settings, connection), zone.fs.rm_file),
        ("the reference folder", _in_reference_folder(settings, connection), folder.fs.rm_file),
        ("the outbox", _in_outbox(settings, bounds), open_outbox(settings).filesystem.rm_file),
    ):
        kept = 0
        for location in locations:
            try:
                remove(location)
            except Exception:  # every file system has exceptions of its own
                kept += 1
        if kept:
            left.append(f"{kept} files in {where} may not be removed by this account: remove them there.")
    _remove_empty_folders(open_outbox(settings).root, open_outbox(settings).filesystem)
    return left


def _remove_empty_folders(root: str, filesystem: AbstractFileSystem) -> None:
    """A term's folder with nothing in it; an object store has none."""
    if isinstance(filesystem, LocalFileSystem):
        for folder in Path(root).glob("*/*"):
            if _TERM.fullmatch(folder.name) and not any(folder.iterdir()):
                folder.rmdir()


def _archived(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[Path]:
    """Archived bytes of past files that no file which is kept has too."""
    hashes = connection.sql(f"""
        SELECT sha256 FROM past_files UNION SELECT sha256 FROM past_reference_files
        EXCEPT (
            SELECT sha256 FROM {OLD}.ledger.files WHERE file_id NOT IN (SELECT file_id FROM past_files)
            UNION
            SELECT sha256 FROM {OLD}.ledger.reference_files
            WHERE (path, sha256, received_at) NOT IN (SELECT (path, sha256, received_at) FROM past_reference_files)
        )
    """).fetchall()
    paths = (archived_path(settings, sha256) for (sha256,) in hashes if sha256)
    return [path for path in paths if path.exists()]


def _in_landing_zone(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Past files that still lie where they arrived."""
    return _still_there(landing_zone(settings), connection, "past_files")


def _in_reference_folder(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[str]:
    return _still_there(_reference_zone(settings), connection, "past_reference_files")


def _reference_zone(settings: Settings) -> Zone:
    return Zone(LocalFileSystem(), LocalFileSystem._strip_protocol(str(settings.reference_dir.resolve())))


def _still_there(zone: Zone, connection: duckdb.DuckDBPyConnection, past: str) -> list[str]:
    """Locations in a zone whose bytes are those of a past file of the same path."""
    hashes: dict[str, set[str]] = {}
    for path, sha256 in connection.sql(f"SELECT path, sha256 FROM {past} WHERE sha256 IS NOT NULL").fetchall():
        hashes.setdefault(path, set()).add(sha256)
    if not hashes:
        return []
    found = []
    for entry in list_entries(zone):
        if entry.kind == "file" and entry.path in hashes:
            with open_entry(zone, entry) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() in hashes[entry.path]:
                    found.append(entry.location)
    return found


def _in_outbox(settings: Settings, bounds: Boundary) -> list[str]:
    """Everything in the schools' folders of past terms."""
    outbox = open_outbox(settings)
    if not outbox.filesystem.exists(outbox.root):
        return []
    return [
        path
        for path in outbox.filesystem.find(outbox.root)
        if any(
            _TERM.fullmatch(part) and bounds.is_past(part)
            for part in path.removeprefix(outbox.root).strip("/").split("/")[:-1]
        )
    ]


def _explanations_kept(connection: duckdb.DuckDBPyConnection, database: str, where: str = "true") -> list[str]:
    rows = connection.sql(f"SELECT explanation_id FROM {database}.quality.explanations WHERE {where}").fetchall()
    return [explanation for (explanation,) in rows]


def _finish(settings: Settings, bounds: Boundary, at: datetime) -> Purged:
    """What remains once the new warehouse is in force; each of it can be done again."""
    with in_force(settings) as connection:
        kept = _explanations_kept(connection, OLD)
    decisions, notes = casework.forget(settings, bounds.first_day, kept)
    restated, still_open = publish_alone(settings, at, RETENTION)
    clear_leftovers(settings)
    left = []
    if still_open:
        left = [f"{still_open} earlier snapshots are open on a page: close it and run `sen purge` again."]
    else:
        note_finished(settings, PURGE, at)
    return Purged(bounds.first_kept, decisions_and_notes=decisions + notes, restated_figures=restated, left=left)
