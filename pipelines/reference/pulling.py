"""The pull of the LA's own files: archive every one, keep their versions, load the newest that can be read."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb
import polars as pl
from fsspec.implementations.local import LocalFileSystem

from pipelines.fingerprints import files_fingerprint
from pipelines.landing.archive import archive_bytes, read_archived
from pipelines.landing.zone import Entry, Zone, is_unchanged, list_entries, open_entry, settled_rounds
from pipelines.reference.extracts import READER, BrokenExtractError, Extract, count_rows, read_extract
from pipelines.reference.shapes import CollectedFile, Collection, Source, Surroundings, Verdict
from pipelines.reference.sources import COLLECTIONS, SOURCES, kind_of
from pipelines.settings import SEEDS_DIR, Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import transaction

log = logging.getLogger(__name__)

NOT_FOLLOWED = {
    "link": "is a link, and links are not followed: put the file itself here",
    "waiting_not_readable": "may not be read: give the account that runs SEN Oversight the right to read it",
}
# states of a file that the LA is shown: in use, or to be put right
SHOWN_STATES = ("current", "broken", *NOT_FOLLOWED)


class NoEstablishments(Exception):
    """There is no usable GIAS file: no school is known, so no return could be placed."""


@dataclass(frozen=True)
class _Version:
    """One row of `ledger.reference_files` that may be in use."""

    path: str
    sha256: str
    state: str
    reader: int | None


def pull_reference(
    settings: Settings, connection: duckdb.DuckDBPyConnection, received_at: datetime
) -> dict[str, int | list[str]]:
    """Archive what is new below the reference folder and load it into the schema `reference`.

    Gives new (files), waiting (still being written), loaded (kinds) and broken (files that can't be used, as of now);
    what is wrong with a file is in `ledger.reference_files.fault`. A file that is taken away leaves its rows in use; one
    with a header alone empties them. Repeating it changes nothing.
    Raises NoEstablishments without a usable GIAS file, ValueError where the LA's calendar can't be read.
    """
    settings.reference_dir.mkdir(parents=True, exist_ok=True)
    zone = Zone(LocalFileSystem(), LocalFileSystem._strip_protocol(str(settings.reference_dir.resolve())))
    new, waiting, present = _receive(settings, connection, zone, received_at)
    loaded: list[str] = []
    # one transaction for all: what is held against GIAS's schools never stays behind them, even if the run is killed
    with transaction(connection):
        for source in SOURCES:
            if source.table and _load(settings, connection, source, present, schools_changed="gias" in loaded):
                loaded.append(source.kind)
    _describe_rest(settings, connection)
    if _load_calendar(settings, connection):
        loaded.append("calendar")
    loaded += [each.kind for each in COLLECTIONS if _load_collection(settings, connection, each, present)]
    broken = [path for (path,) in connection.sql(_BROKEN_NOW).fetchall()]
    if not connection.sql("SELECT 1 FROM reference.schools LIMIT 1").fetchall():
        raise NoEstablishments(_no_establishments(settings, connection))
    return {"new": new, "waiting": waiting, "loaded": loaded, "broken": broken}


def reference_fingerprint(connection: duckdb.DuckDBPyConnection, kinds: Iterable[str] | None = None) -> str:
    """SHA-256 over the files in use (of these kinds; None: all) and the calendar in force: changes when they do."""
    in_use = connection.sql("""
        SELECT kind, path, sha256, reader FROM ledger.reference_files WHERE state = 'current' ORDER BY kind, path
    """).fetchall()
    calendar = connection.sql("SELECT * FROM reference.calendar ORDER BY term").fetchall()
    chosen = [row for row in in_use if kinds is None or row[0] in set(kinds)]
    return hashlib.sha256(repr((chosen, calendar)).encode()).hexdigest()


_BROKEN_NOW = (
    "SELECT path FROM ledger.reference_files WHERE state IN ('broken', 'link', 'waiting_not_readable') ORDER BY path"
)


def _receive(
    settings: Settings, connection: duckdb.DuckDBPyConnection, zone: Zone, received_at: datetime
) -> tuple[int, int, set[str]]:
    """(new files, files still being written, every path that is there now)."""
    new = waiting = 0
    present: set[str] = set()
    not_followed: dict[str, str] = {}

    def new_files() -> list[Entry]:
        seen = dict(connection.sql("SELECT path, fingerprint FROM ledger.seen WHERE zone = 'reference'").fetchall())
        entries = list_entries(zone)
        present.update(entry.path for entry in entries)
        not_followed.update({entry.path: "link" for entry in entries if entry.kind == "link"})
        not_followed.update({e.path: "waiting_not_readable" for e in entries if e.kind == "unreadable_folder"})
        return [entry for entry in entries if entry.kind == "file" and seen.get(entry.path) != entry.fingerprint]

    for whole, settling in settled_rounds(new_files, settings.settling_seconds):
        waiting = len(settling)
        for entry in whole:
            try:
                data = _read_whole(zone, entry)
            except FileNotFoundError:
                continue
            except OSError:
                not_followed[entry.path] = "waiting_not_readable"
                continue
            if data is None:
                waiting += 1
                continue
            new += _write_version(connection, entry, archive_bytes(settings, data), len(data), received_at)
    _write_not_followed(connection, not_followed, received_at)
    return new, waiting, present


def _read_whole(zone: Zone, entry: Entry) -> bytes | None:
    """The file's bytes; None where it changed while it was read."""
    with open_entry(zone, entry) as file:
        data = file.read()
    return data if is_unchanged(zone, entry) else None


def _write_version(
    connection: duckdb.DuckDBPyConnection, entry: Entry, sha256: str, size: int, received_at: datetime
) -> int:
    """Write down how the file looked and, where its bytes are not its latest, a new version of it; gives 1 for that."""
    latest = connection.execute(
        "SELECT content FROM ledger.seen WHERE zone = 'reference' AND path = ?", [entry.path]
    ).fetchone()
    is_new = latest is None or latest[0] != sha256
    with transaction(connection):
        connection.execute(
            "INSERT OR REPLACE INTO ledger.seen VALUES ('reference', ?, ?, ?)",
            [entry.path, entry.fingerprint, sha256],
        )
        if is_new:
            connection.execute(
                "UPDATE ledger.reference_files SET state = 'superseded' WHERE path = ? AND state <> 'current'",
                [entry.path],
            )
            # back to the bytes whose rows are in use still, after others that could not be used: nothing to load
            connection.execute(
                """
                INSERT INTO ledger.reference_files BY NAME
                SELECT ? AS path, ? AS kind, ? AS sha256, ? AS bytes, ? AS received_at, 'received' AS state
                WHERE NOT EXISTS (
                    SELECT 1 FROM ledger.reference_files WHERE path = ? AND sha256 = ? AND state = 'current'
                )
                """,
                [entry.path, kind_of(entry.path), sha256, size, received_at, entry.path, sha256],
            )
    return int(is_new)


def _write_not_followed(connection: duckdb.DuckDBPyConnection, states: dict[str, str], received_at: datetime) -> None:
    """A row for each link and each file that may not be read, as long as it is there and is so."""
    marked = ", ".join(f"'{state}'" for state in NOT_FOLLOWED)
    known = dict(connection.sql(f"SELECT path, state FROM ledger.reference_files WHERE state IN ({marked})").fetchall())
    if known == states:
        return
    with transaction(connection):
        for path in [path for path, state in known.items() if states.get(path) != state]:
            connection.execute(f"DELETE FROM ledger.reference_files WHERE path = ? AND state IN ({marked})", [path])
        for path, state in sorted(states.items()):
            if known.get(path) != state:
                log.warning("%s %s", path, NOT_FOLLOWED[state])
                connection.execute(
                    "INSERT INTO ledger.reference_files (path, kind, received_at, fault, state) VALUES (?, ?, ?, ?, ?)",
                    [path, kind_of(path), received_at, NOT_FOLLOWED[state], state],
                )


def _load(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    present: set[str],
    *,
    schools_changed: bool,
) -> bool:
    """Load the newest file of the source (by its name) that can be read; whether the table was written."""
    versions = _versions(connection, source.kind)
    there = [version for version in versions if version.path in present]
    seeds_changed = _seeds_changed(connection, source) if versions else False
    for version in there or [version for version in versions if version.state == "current"]:
        is_stale = version.reader != READER or (source.knows_schools and schools_changed) or seeds_changed
        if version.state == "current" and not is_stale:
            return False
        if version.state == "broken" and version.reader == READER:
            continue
        try:
            extract = _read(settings, connection, source, version)
        except BrokenExtractError as error:
            log.warning("%s %s; what was loaded before stays in use", version.path, error)
            if version.state != "current":  # rows that were loaded from it once stay in use
                _mark(connection, version, state="broken", fault=str(error))
                continue
            return False
        _replace(connection, source, version, extract)
        return True
    return False


def _seeds_changed(connection: duckdb.DuckDBPyConnection, source: Source) -> bool:
    """Whether the seeds that the source's codes come from are others than when it was last asked; they are noted."""
    if not source.seeds:
        return False
    fingerprint = files_fingerprint(SEEDS_DIR / f"{name}.csv" for name in source.seeds)
    seen = connection.execute(
        "SELECT fingerprint FROM ledger.seen WHERE zone = 'seeds' AND path = ?", [source.kind]
    ).fetchone()
    if seen == (fingerprint,):
        return False
    connection.execute("INSERT OR REPLACE INTO ledger.seen VALUES ('seeds', ?, ?, NULL)", [source.kind, fingerprint])
    return True


def _versions(connection: duckdb.DuckDBPyConnection, kind: str) -> list[_Version]:
    """The kind's versions that may be loaded, newest first: by name, and of one name the one that came last."""
    rows = connection.execute(
        """
        SELECT path, sha256, state, reader FROM ledger.reference_files
        WHERE kind = ? AND state IN ('received', 'current', 'older', 'unused', 'broken')
        ORDER BY lower(path) DESC, path DESC, state = 'current'
        """,
        [kind],
    ).fetchall()
    return [_Version(*row) for row in rows]


def _read(settings: Settings, connection: duckdb.DuckDBPyConnection, source: Source, version: _Version) -> Extract:
    urns: list[str] = []
    if source.knows_schools:
        urns = [urn for (urn,) in connection.sql("SELECT urn FROM reference.schools").fetchall()]
    extract = read_extract(source, read_archived(settings, version.sha256), urns)
    if source.check and (wrong := source.check(extract.table, settings)):
        raise BrokenExtractError(wrong)
    return extract


def _replace(connection: duckdb.DuckDBPyConnection, source: Source, version: _Version, extract: Extract) -> None:
    """The table's rows, and which version they are from."""
    if extract.fault:
        log.warning("%s: %s", version.path, extract.fault)
    connection.register("extract_rows", extract.table)
    connection.execute(f"DELETE FROM {source.table}")
    connection.execute(f"INSERT INTO {source.table} BY NAME SELECT * FROM extract_rows")
    connection.unregister("extract_rows")
    connection.execute(
        """
        UPDATE ledger.reference_files SET state = CASE path WHEN ? THEN 'superseded' ELSE 'older' END
        WHERE kind = ? AND state = 'current' AND (path, sha256) <> (?, ?)
        """,
        [version.path, source.kind, version.path, version.sha256],
    )
    _mark(connection, version, state="current", fault=extract.fault, rows=extract.rows, encoding=extract.encoding)


def _load_collection(
    settings: Settings, connection: duckdb.DuckDBPyConnection, collection: Collection, present: set[str]
) -> bool:
    """Read the collection's files together where any of them, or what they are held against, is new; whether it did."""
    versions = _versions(connection, collection.kind)
    # of one path the newest bytes, and behind them those in use still
    files = [
        CollectedFile(version.path, version.sha256, version.path in present, _loader(settings, version.sha256))
        for version in versions
        if version.path in present or version.state == "current"
    ]
    if not files:
        return False
    fingerprint = _collection_fingerprint(settings, connection, collection, files)
    seen = connection.execute(
        "SELECT fingerprint FROM ledger.seen WHERE zone = 'collection' AND path = ?", [collection.kind]
    ).fetchone()
    if seen == (fingerprint,):
        return False
    schools = connection.sql("SELECT urn, laestab, open_date, close_date FROM reference.schools").pl()
    collected = collection.read(files, Surroundings(settings.la_code, schools, load_calendar(settings)))
    with transaction(connection):
        if collected.tables:
            for table in collection.tables:
                connection.execute(f"DELETE FROM {table}")
                if (rows := collected.tables.get(table)) is not None and not rows.is_empty():
                    connection.register("collected_rows", rows)
                    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM collected_rows")
                    connection.unregister("collected_rows")
        _write_verdicts(connection, collection.kind, collected.verdicts)
        connection.execute(
            "INSERT OR REPLACE INTO ledger.seen VALUES ('collection', ?, ?, NULL)", [collection.kind, fingerprint]
        )
    return True


def _loader(settings: Settings, sha256: str) -> Callable[[], bytes]:
    return lambda: read_archived(settings, sha256)


def _collection_fingerprint(
    settings: Settings, connection: duckdb.DuckDBPyConnection, collection: Collection, files: list[CollectedFile]
) -> str:
    """Of the files, and of what they are read with: the reader, the seeds, the LA, GIAS and the calendar."""
    gias = connection.sql(
        "SELECT sha256, reader FROM ledger.reference_files WHERE kind = 'gias' AND state = 'current'"
    ).fetchall()
    days = connection.sql("SELECT term, census_day FROM reference.calendar ORDER BY term").fetchall()
    seeds = files_fingerprint(SEEDS_DIR / f"{name}.csv" for name in collection.seeds)
    return hashlib.sha256(repr((READER, seeds, settings.la_code, files, gias, days)).encode()).hexdigest()


def _write_verdicts(connection: duckdb.DuckDBPyConnection, kind: str, verdicts: dict[CollectedFile, Verdict]) -> None:
    """What became of each file of the collection, into the ledger; what was in use and is no more is older."""
    connection.execute("UPDATE ledger.reference_files SET state = 'older' WHERE kind = ? AND state = 'current'", [kind])
    for file, verdict in verdicts.items():
        if verdict.fault:
            log.warning("%s: %s", file.path, verdict.fault)
        version = _Version(file.path, file.sha256, verdict.state, READER)
        _mark(
            connection, version, state=verdict.state, fault=verdict.fault, rows=verdict.rows, encoding=verdict.encoding
        )
    # the earlier bytes of a path whose newer ones are in use
    connection.execute(
        """
        UPDATE ledger.reference_files SET state = 'superseded'
        WHERE kind = $kind AND state = 'older'
        AND path IN (SELECT path FROM ledger.reference_files WHERE kind = $kind AND state = 'current')
        """,
        {"kind": kind},
    )


def _describe_rest(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Rows and encoding of the files that no table takes yet, and of those that are older than the one in use."""
    waiting = connection.sql(
        "SELECT path, sha256, state, reader, kind FROM ledger.reference_files WHERE state = 'received'"
    )
    together = {collection.kind for collection in COLLECTIONS}
    loaded = {source.kind for source in SOURCES if source.table}
    for *row, kind in waiting.fetchall():
        if kind in together:
            continue
        version = _Version(*row)
        rows, encoding, fault = None, None, None
        if version.path.lower().endswith(".csv"):
            try:
                rows, encoding = count_rows(read_archived(settings, version.sha256))
            except BrokenExtractError as error:
                fault = str(error)
        state = "broken" if fault else "older" if kind in loaded else "current"
        with transaction(connection):
            if kind not in loaded:
                connection.execute(
                    "UPDATE ledger.reference_files SET state = 'superseded' WHERE path = ? AND state = 'current'",
                    [version.path],
                )
            _mark(connection, version, state=state, fault=fault, rows=rows, encoding=encoding)


def _mark(
    connection: duckdb.DuckDBPyConnection,
    version: _Version,
    *,
    state: str,
    fault: str | None,
    rows: int | None = None,
    encoding: str | None = None,
) -> None:
    connection.execute(
        """
        UPDATE ledger.reference_files SET state = ?, fault = ?, rows = ?, encoding = ?, reader = ?
        WHERE path = ? AND sha256 = ? AND state <> 'superseded'
        """,
        [state, fault, rows, encoding, READER, version.path, version.sha256],
    )


def _load_calendar(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """The calendar in force into `reference.calendar`; whether it changed."""
    try:
        terms = load_calendar(settings)
    except ValueError as error:
        connection.execute(
            "UPDATE ledger.reference_files SET fault = ? WHERE kind = 'calendar' AND state = 'current'", [str(error)]
        )
        raise
    rows = [
        asdict(term) | {"closed_days": ";".join(day.isoformat() for day in sorted(term.closed_days))}
        for term in terms.values()
    ]
    calendar = pl.DataFrame(rows)
    before = connection.sql("SELECT * FROM reference.calendar ORDER BY starts_on").pl()
    if before.equals(calendar.select(before.columns)):
        return False
    connection.register("calendar_rows", calendar)
    with transaction(connection):
        connection.execute("DELETE FROM reference.calendar")
        connection.execute("INSERT INTO reference.calendar BY NAME SELECT * FROM calendar_rows")
    connection.unregister("calendar_rows")
    return True


def _no_establishments(settings: Settings, connection: duckdb.DuckDBPyConnection) -> str:
    faults = connection.sql(
        "SELECT path, fault FROM ledger.reference_files WHERE kind = 'gias' AND fault IS NOT NULL ORDER BY path"
    ).fetchall()
    why = "".join(f" {path} {fault}." for path, fault in faults)
    return (
        f"No school is known yet.{why} Download 'Establishment fields CSV' (edubasealldata*.csv) from DfE's "
        f"Get Information about Schools and put it into {settings.reference_dir.resolve()}."
    )
