"""The pull: every new file is archived, looked into just far enough to know its school and term, and written down."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import chain, islice

import duckdb
import polars as pl

from pipelines.landing.archive import archive_bytes, archiving, clear_leftovers, encrypt_archive
from pipelines.landing.placing import Facts, Place, facts_of, place, schools_named
from pipelines.landing.zone import (
    BecameLinkError,
    Entry,
    NotReadableError,
    Zone,
    is_unchanged,
    landing_zone,
    list_entries,
    read_pieces,
    settled_rounds,
)
from pipelines.reading.formats import Inspection, inspect
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import transaction

log = logging.getLogger(__name__)

# One transaction each: small, so that a killed run has little to do again, and not one a file, which costs a sync each.
BATCH_FILES = 50
READERS = 4  # threads: an object store, and the archive's syncs, are mostly waiting

FILES_SCHEMA = {
    "file_id": pl.String,
    "path": pl.String,
    "file_name": pl.String,
    "sha256": pl.String,
    "bytes": pl.Int64,
    "received_at": pl.Datetime("us"),
    "format": pl.String,
    "fault": pl.String,
    "state": pl.String,
    "duplicate_of": pl.String,
    "laestab": pl.String,
    "urn": pl.String,
    "term": pl.String,
    "academic_year": pl.String,
    "specification": pl.String,
    "serial": pl.Int32,
    "inside_laestab": pl.String,
    "inside_urn": pl.String,
    "inside_term": pl.String,
    "name_laestab": pl.String,
    "name_term": pl.String,
}
FACTS = "inside_laestab, inside_urn, inside_term, specification, name_laestab, name_term, serial"


# (SHA-256, (school, term)) -> the file that first had the bytes there; (SHA-256, None) -> anywhere
_FirstOf = dict[tuple[str, tuple[str, str] | None], str]


@dataclass
class PullSummary:
    """What a pull did: numbers of files, and the terms that got something new, in order of time.

    new: with a ledger line of their own that they had not before, of which placed, unplaced, duplicates and faulty
    (faulty ones are placed or unplaced as well); placed_late: unplaced before, placed now that GIAS or the calendar
    knows them; waiting: still being written; not_readable and links: as of now, however often they were seen.
    """

    new: int = 0
    placed: int = 0
    unplaced: int = 0
    duplicates: int = 0
    faulty: int = 0
    placed_late: int = 0
    waiting: int = 0
    not_readable: int = 0
    links: int = 0
    terms: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Received:
    """A file whose bytes are in the archive."""

    entry: Entry
    sha256: str
    size: int
    facts: Facts
    format: str | None = None
    fault: str | None = None

    @property
    def file_id(self) -> str:
        return file_id(self.entry.path, self.sha256)


def pull(settings: Settings, connection: duckdb.DuckDBPyConnection, received_at: datetime) -> PullSummary:
    """Receive what is new in the landing zone, into the archive, `ledger.files` and `ledger.returns`.

    New is a file whose path and bytes together are not in the ledger. `received_at` is the time of the pull, for all.
    Repeating it changes nothing; killed at any point, the next pull does the rest.
    Raises LandingZoneError where the zone can't be listed, ValueError where the LA's calendar can't be read.
    """
    zone = landing_zone(settings)
    terms = list(load_calendar(settings))
    encrypt_archive(settings)
    clear_leftovers(settings)
    summary = PullSummary()
    _place_late(settings, connection, terms, summary)
    not_followed: dict[str, str] = {}  # path -> state, of what is there and was not read

    def new_files() -> list[Entry]:
        seen = _seen(connection)
        not_followed.clear()
        entries = list_entries(zone)
        not_followed.update({entry.path: "link" for entry in entries if entry.kind == "link"})
        not_followed.update(
            {entry.path: "waiting_not_readable" for entry in entries if entry.kind == "unreadable_folder"}
        )
        files = [entry for entry in entries if entry.kind == "file" and seen.get(entry.path) != entry.fingerprint]
        # of the same bytes twice the one whose name says what it is counts as the first
        return sorted(files, key=lambda entry: (facts_of(entry.name, {}).name_term is None, entry.path))

    for whole, settling in settled_rounds(new_files, settings.settling_seconds):
        changing = 0
        for batch in _batches(whole, BATCH_FILES):
            received, states = _receive(settings, zone, batch, _known_ids(connection))
            changing += len(batch) - len(received) - len(states)
            not_followed.update(states)
            _write(settings, connection, received, terms, received_at, summary)
        summary.waiting = len(settling) + changing
    _write_not_followed(connection, not_followed, received_at)
    summary.links = sum(state == "link" for state in not_followed.values())
    summary.not_readable = len(not_followed) - summary.links
    summary.terms = [term for term in terms if term in summary.terms]
    return summary


def file_id(path: str, sha256: str) -> str:
    """The file's key in the ledger: of its path and its bytes."""
    return hashlib.sha256(f"{path}\0{sha256}".encode()).hexdigest()[:16]


def _receive(
    settings: Settings, zone: Zone, batch: list[Entry], known: set[str]
) -> tuple[list[_Received], dict[str, str]]:
    """The files that could be read whole, and the state of those that could not; a file that was changing is neither."""

    def receive(entry: Entry) -> _Received | str | None:
        try:
            return _archive_and_look(settings, zone, entry, known)
        except FileNotFoundError:
            return None
        except BecameLinkError:
            return "link"
        except NotReadableError as error:
            log.warning("%s cannot be read now and is tried again: %s", entry.path, error)
            return "waiting_not_readable"

    with ThreadPoolExecutor(READERS) as readers:
        results = list(readers.map(receive, batch))
    received = [result for result in results if isinstance(result, _Received)]
    states = {entry.path: result for entry, result in zip(batch, results, strict=True) if isinstance(result, str)}
    return received, states


def _archive_and_look(settings: Settings, zone: Zone, entry: Entry, known: set[str]) -> _Received | None:
    """Archive the file, then look inside, unless the ledger has it; None where it changed while it was read."""
    limit = settings.max_file_megabytes * 1_000_000
    pieces = read_pieces(zone, entry, first_bytes=limit + 1)
    data = next(pieces, b"")
    if len(data) > limit:
        return _archive_in_pieces(settings, zone, entry, chain([data], pieces))
    for piece in pieces:  # a store may give less at once than it was asked for
        data += piece
    if not is_unchanged(zone, entry):
        return None
    sha256 = archive_bytes(settings, data)
    # every file of a data folder that was moved or restored looks new
    inspection = Inspection(None) if file_id(entry.path, sha256) in known else inspect(data, limit)
    return _Received(
        entry=entry,
        sha256=sha256,
        size=len(data),
        facts=facts_of(entry.name, inspection.return_row),
        format=inspection.format,
        fault=inspection.fault,
    )


def _archive_in_pieces(settings: Settings, zone: Zone, entry: Entry, pieces: Iterable[bytes]) -> _Received | None:
    """Archive a file that is too large to be looked into."""
    with archiving(settings) as incoming:
        for piece in pieces:
            incoming.write(piece)
        if not is_unchanged(zone, entry):
            return None
        return _Received(
            entry=entry,
            sha256=incoming.keep(),
            size=incoming.size,
            facts=facts_of(entry.name, {}),
            fault="too_large",
        )


def _write(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    received: list[_Received],
    terms: list[str],
    received_at: datetime,
    summary: PullSummary,
) -> None:
    """One transaction: the batch's lines in the ledger, its returns, and how its files looked."""
    schools = schools_named(connection, [file.facts for file in received])
    known, first_of = _known_files(connection, received)
    rows = []
    for file in received:
        if file.file_id in known:  # touched, or read by a run that was killed: the same bytes at the same path
            continue
        placed = place(file.facts, schools, terms, settings.la_code)
        where = (placed.urn, placed.term) if placed else None
        # neither a file that could not be placed nor another school's (an empty one, the template as all got it) stands in
        # the way of the same bytes
        first = first_of.get((file.sha256, where))
        if first is None:
            _note_first(first_of, file.sha256, where, file.file_id)
        state = "duplicate" if first else "received" if placed else "unplaced"
        rows.append(_row(file, state, first, placed, received_at))
        _count(summary, state, placed, file.fault)
    seen = pl.DataFrame(
        {
            "path": [file.entry.path for file in received],
            "fingerprint": [file.entry.fingerprint for file in received],
            "content": [file.file_id for file in received],
        },
        schema={"path": pl.String, "fingerprint": pl.String, "content": pl.String},
    )
    with transaction(connection):
        _insert_files(connection, pl.DataFrame(rows, schema=FILES_SCHEMA))
        _insert_returns(connection)
        connection.register("seen_now", seen)
        connection.execute("INSERT OR REPLACE INTO ledger.seen SELECT 'landing', * FROM seen_now")
        connection.unregister("seen_now")


def _row(
    file: _Received, state: str, duplicate_of: str | None, placed: Place | None, received_at: datetime
) -> dict[str, object]:
    return {
        "file_id": file.file_id,
        "path": file.entry.path,
        "file_name": file.entry.name,
        "sha256": file.sha256,
        "bytes": file.size,
        "received_at": received_at,
        "format": file.format,
        "fault": file.fault,
        "state": state,
        "duplicate_of": duplicate_of,
        "laestab": placed.laestab if placed else None,
        "urn": placed.urn if placed else None,
        "term": placed.term if placed else None,
        "academic_year": placed.academic_year if placed else None,
        **asdict(file.facts),
    }


def _count(summary: PullSummary, state: str, placed: Place | None, fault: str | None) -> None:
    summary.new += 1
    summary.faulty += fault is not None
    if state == "duplicate":
        summary.duplicates += 1
    elif placed is None:
        summary.unplaced += 1
    else:
        summary.placed += 1
    if placed and placed.term not in summary.terms:
        summary.terms.append(placed.term)


def _place_late(
    settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str], summary: PullSummary
) -> None:
    """Place what could not be placed before: GIAS or the calendar may know it by now."""
    waiting = connection.execute(
        f"SELECT file_id, state, {FACTS} FROM ledger.files WHERE state IN ('unplaced', 'duplicate') AND urn IS NULL "
        "AND purged_at IS NULL"
    ).fetchall()
    facts = {file: Facts(*said) for file, _, *said in waiting}
    schools = schools_named(connection, list(facts.values()))
    places = {file: place(said, schools, terms, settings.la_code) for file, said in facts.items()}
    found = [
        (placed.laestab, placed.urn, placed.term, placed.academic_year, file)
        for file, placed in places.items()
        if placed is not None
    ]
    if not found:
        return
    with transaction(connection):
        connection.executemany(
            """
            UPDATE ledger.files SET
                laestab = ?, urn = ?, term = ?, academic_year = ?,
                state = CASE state WHEN 'unplaced' THEN 'received' ELSE state END
            WHERE file_id = ?
            """,
            found,
        )
        _insert_returns(connection)
    summary.placed_late = len(found)
    summary.terms.extend(dict.fromkeys(term for _, _, term, _, _ in found))


def _write_not_followed(connection: duckdb.DuckDBPyConnection, states: dict[str, str], received_at: datetime) -> None:
    """A line for each link and each file that may not be read, as long as it is there and is so."""
    known = dict(
        connection.sql(
            "SELECT path, state FROM ledger.files WHERE state IN ('link', 'waiting_not_readable')"
        ).fetchall()
    )
    gone = [path for path, state in known.items() if states.get(path) != state]
    fresh = [path for path, state in states.items() if known.get(path) != state]
    if not gone and not fresh:
        return
    rows = []
    for path in sorted(fresh):
        name = path.rsplit("/", 1)[-1]
        facts = facts_of(name, {})
        rows.append(
            {
                "file_id": file_id(path, ""),
                "path": path,
                "file_name": name,
                "received_at": received_at,
                "state": states[path],
                **asdict(facts),
            }
        )
    with transaction(connection):
        connection.execute(
            """
            DELETE FROM ledger.files
            WHERE state IN ('link', 'waiting_not_readable') AND path IN (SELECT unnest(?::VARCHAR[]))
            """,
            [gone],
        )
        _insert_files(connection, pl.DataFrame(rows, schema=FILES_SCHEMA))


def _insert_files(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    connection.register("new_files", rows)
    connection.execute("INSERT INTO ledger.files BY NAME SELECT * FROM new_files")
    connection.unregister("new_files")


def _insert_returns(connection: duckdb.DuckDBPyConnection) -> None:
    """Every placed file that is no return yet becomes one."""
    connection.execute("""
        INSERT INTO ledger.returns BY NAME
        SELECT
            file_id AS return_id, file_name, sha256, urn, laestab, term, academic_year, specification, serial,
            received_at, state
        FROM ledger.files
        WHERE state = 'received' AND file_id NOT IN (SELECT return_id FROM ledger.returns)
    """)


def _seen(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(connection.sql("SELECT path, fingerprint FROM ledger.seen WHERE zone = 'landing'").fetchall())


def _known_ids(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in connection.sql("SELECT file_id FROM ledger.files").fetchall()}


def _known_files(connection: duckdb.DuckDBPyConnection, received: list[_Received]) -> tuple[set[str], _FirstOf]:
    """The ids that are in the ledger, and which file first had each file's bytes."""
    hashes = [file.sha256 for file in received]
    rows = connection.execute(
        """
        SELECT file_id, sha256, state, urn, term FROM ledger.files
        WHERE sha256 IN (SELECT unnest(?::VARCHAR[])) ORDER BY urn IS NULL, received_at, path
        """,
        [hashes],
    ).fetchall()
    first_of: _FirstOf = {}
    for known_id, sha256, state, urn, term in rows:
        if state != "duplicate":
            _note_first(first_of, sha256, (urn, term) if urn and term else None, known_id)
    return {row[0] for row in rows}, first_of


def _note_first(first_of: _FirstOf, sha256: str, where: tuple[str, str] | None, known_id: str) -> None:
    for key in ((sha256, where), (sha256, None)):
        first_of.setdefault(key, known_id)


def _batches(entries: list[Entry], size: int) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch
