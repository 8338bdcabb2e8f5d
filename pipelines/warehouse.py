"""The warehouse: one DuckDB file that the pipeline alone writes, always attached, never opened directly."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import duckdb_extension_httpfs
from filelock import FileLock, Timeout

from expectations.contracts import Table, load_contract
from pipelines.settings import Settings

ALIAS = "wh"
LATEST_CONTRACT = "1.1"

# Tables that the pipeline writes; schema raw follows the contract (see raw_ddl), and dbt makes the rest.
TABLES = {
    # A file ever seen in the landing zone, whatever became of it. file_id: of its path and its bytes. purged_at: its bytes
    # are past their retention and gone, and its rows but what speaks for a pupil who is kept (see retention/past.py).
    "ledger.files": """
        file_id VARCHAR PRIMARY KEY, path VARCHAR, file_name VARCHAR, sha256 VARCHAR, bytes BIGINT, received_at TIMESTAMP,
        format VARCHAR, fault VARCHAR, state VARCHAR, duplicate_of VARCHAR, laestab VARCHAR, urn VARCHAR, term VARCHAR,
        academic_year VARCHAR, specification VARCHAR, serial INTEGER, inside_laestab VARCHAR, inside_urn VARCHAR,
        inside_term VARCHAR, name_laestab VARCHAR, name_term VARCHAR, released_at TIMESTAMP, purged_at TIMESTAMP""",
    # How a file looked when it was last read, by zone (landing, reference): it is read again when that changes.
    # content: the file_id in landing, the SHA-256 in reference.
    "ledger.seen": "zone VARCHAR, path VARCHAR, fingerprint VARCHAR, content VARCHAR, PRIMARY KEY (zone, path)",
    # A file that could be placed is a return (return_id = file_id). state: received, rejected, held, superseded, current.
    "ledger.returns": """
        return_id VARCHAR PRIMARY KEY, file_name VARCHAR, sha256 VARCHAR, urn VARCHAR, laestab VARCHAR, term VARCHAR,
        academic_year VARCHAR, specification VARCHAR, serial INTEGER, received_at TIMESTAMP, state VARCHAR""",
    # What was read with what (contract, calendar): a return is read again only when this changes.
    "ledger.reads": "return_id VARCHAR PRIMARY KEY, fingerprint VARCHAR, read_at TIMESTAMP",
    # One row per file and stage: what went in and what came out.
    "ledger.audit": """
        return_id VARCHAR, stage VARCHAR, table_name VARCHAR, rows_in BIGINT, rows_out BIGINT, rows_quarantined BIGINT""",
    # Every version of the LA's own files. state: current (in use), older (a newer one of its kind is), superseded (by
    # another version at its path), unused (nothing in it is needed), broken (can't be used), link, waiting_not_readable,
    # purged (past its retention: its bytes are gone).
    # reader: version of what read it.
    "ledger.reference_files": """
        path VARCHAR, kind VARCHAR, sha256 VARCHAR, bytes BIGINT, encoding VARCHAR, received_at TIMESTAMP, rows BIGINT,
        fault VARCHAR, state VARCHAR, reader INTEGER, purged_at TIMESTAMP""",
    # What a term was last run with. The row `unplaced`: what the files without a school or term were last judged by; the
    # row `of no term`: what the last snapshot showed beside the terms.
    "ledger.term_runs": "term VARCHAR PRIMARY KEY, fingerprint VARCHAR, finished_at TIMESTAMP",
    # What the figures of a term in the newest snapshot were built with, as in term_runs; a term whose figures are to be
    # made anew has no row.
    "ledger.published_terms": "term VARCHAR PRIMARY KEY, fingerprint VARCHAR",
    # One row: the term that the last build began with, or the one under way.
    "ledger.build": "first_term VARCHAR",
    # A term whose figures stand as published, and are not made again: what they rest on is past its retention.
    "ledger.closed_terms": "term VARCHAR PRIMARY KEY, closed_at TIMESTAMP",
    # A letter to a school, once for the same content. state: waiting, sending, sent, filed (no mail server: the outbox is
    # the delivery), no_contact, given_up (refused too often), overtaken (something newer says more). addresses: where it
    # was last tried; accepted_by: the addresses whose server took it (`;` between); message: kept until it has gone.
    "ledger.letters": """
        letter_id VARCHAR PRIMARY KEY, urn VARCHAR, term VARCHAR, kind VARCHAR, content_hash VARCHAR, subject VARCHAR,
        made_at TIMESTAMP, sent_at TIMESTAMP, attempts INTEGER, last_error VARCHAR, return_id VARCHAR, state VARCHAR,
        path VARCHAR, message_id VARCHAR, addresses VARCHAR, accepted_by VARCHAR, tried_on DATE,
        message BLOB""",
    # What a school's profile of a term said when it was last put into the outbox: it is made again when that changes.
    # phase and trust of a school (its LAESTAB) when it was first published: what is hidden with it never changes
    "ledger.school_places": "school VARCHAR PRIMARY KEY, phase VARCHAR, trust_code VARCHAR",
    "ledger.profiles": "urn VARCHAR, term VARCHAR, content_hash VARCHAR, made_at TIMESTAMP, PRIMARY KEY (urn, term)",
    # A published figure that the next snapshot said otherwise (see publishing/restatements.py). area_code: a URN for a
    # school; *_from and *_to: as it was published and as it is since; a figure that came or went is null on one side.
    "ledger.restatements": """
        snapshot_from VARCHAR, published_at TIMESTAMP, indicator_id VARCHAR, area_type VARCHAR, area_code VARCHAR,
        term VARCHAR, group_type VARCHAR, group_value VARCHAR, numerator_from BIGINT, numerator_to BIGINT,
        denominator_from BIGINT, denominator_to BIGINT, unknown_from BIGINT, unknown_to BIGINT, value_from DOUBLE,
        value_to DOUBLE, return_id VARCHAR, because VARCHAR""",
    # A purge or a rekey: when its new warehouse took the place of the earlier one; finished_at null: some of it remains to
    # be done. says: what it did, in counts.
    "ledger.rewrites": "rewrite VARCHAR, put_in_place_at TIMESTAMP, says VARCHAR, finished_at TIMESTAMP",
    "raw.sheets": """
        return_id VARCHAR, urn VARCHAR, term VARCHAR, table_name VARCHAR, sheet_name VARCHAR, known BOOLEAN, found BOOLEAN,
        required BOOLEAN, hidden BOOLEAN, repeated BOOLEAN, header_found BOOLEAN, rows_received BIGINT""",
    "raw.columns": """
        return_id VARCHAR, urn VARCHAR, term VARCHAR, table_name VARCHAR, field VARCHAR, column_name VARCHAR, known BOOLEAN,
        found BOOLEAN, required BOOLEAN, repeated BOOLEAN, agrees BOOLEAN""",
    # The optional sheet `explanations`. prefilled: the row is one that the feedback workbook had; header_found false: the
    # row stands for the sheet, which was not read.
    "raw.explanations": """
        return_id VARCHAR, return_urn VARCHAR, return_term VARCHAR, row_number INTEGER, reference VARCHAR,
        explanation VARCHAR, prefilled BOOLEAN, header_found BOOLEAN""",
    # fact_id: the same school, rule and pupil (or key) with the same cells is the same fact in any return of any term.
    "quality.issues": """
        issue_id VARCHAR, return_id VARCHAR, file_name VARCHAR, urn VARCHAR, term VARCHAR, rule_code VARCHAR, severity VARCHAR,
        table_name VARCHAR, row_number INTEGER, field VARCHAR, fields VARCHAR, value VARCHAR, upn VARCHAR, message VARCHAR,
        remedy VARCHAR, costs VARCHAR, fact_id VARCHAR""",
    # A fact and a term: when the school was first told of it, where it was last found (last_row_number: there), and the
    # return that no longer had it. It outlives the returns that it was found in.
    "quality.issue_lives": """
        fact_id VARCHAR, urn VARCHAR, term VARCHAR, rule_code VARCHAR, severity VARCHAR, table_name VARCHAR, field VARCHAR,
        message VARCHAR, remedy VARCHAR, file_name VARCHAR, first_return_id VARCHAR, first_seen_at TIMESTAMP, last_return_id VARCHAR,
        last_row_number INTEGER, corrected_by_return_id VARCHAR, corrected_at TIMESTAMP""",
    # What a school says of a query, from the first return that says it; and what was decided about it (null: waiting), as
    # the last check found it in the casework.
    "quality.explanations": """
        explanation_id VARCHAR, urn VARCHAR, fact_id VARCHAR, rule_code VARCHAR, term VARCHAR, return_id VARCHAR,
        text VARCHAR, given_at DATE, decision VARCHAR, decided_by VARCHAR, decided_at TIMESTAMP, note VARCHAR""",
    "quality.quarantined_rows": """
        return_id VARCHAR, urn VARCHAR, term VARCHAR, table_name VARCHAR, row_number INTEGER, rule_code VARCHAR, reason VARCHAR""",
    "quality.rule_runs": """
        term VARCHAR, urn VARCHAR, return_id VARCHAR, table_name VARCHAR, rule_code VARCHAR, result VARCHAR, reason VARCHAR,
        rows_checked BIGINT, rows_broken BIGINT""",
    "restricted.pupil_keys": "identifier VARCHAR PRIMARY KEY, pupil_key VARCHAR",
    "restricted.key_check": "fingerprint VARCHAR",
    "reference.schools": """
        urn VARCHAR, la_code VARCHAR, la_name VARCHAR, establishment_number VARCHAR, laestab VARCHAR, name VARCHAR,
        type_code VARCHAR, type VARCHAR, type_group_code VARCHAR, type_group VARCHAR, status_code VARCHAR, status VARCHAR,
        open_date DATE, close_date DATE, phase_code VARCHAR, phase VARCHAR, low_age INTEGER, high_age INTEGER,
        number_of_pupils INTEGER, trust_code VARCHAR, trust VARCHAR, federation_code VARCHAR, federation VARCHAR,
        section_41 BOOLEAN""",
    "reference.school_links": "urn VARCHAR, link_urn VARCHAR, link_type VARCHAR, link_established_date DATE",
    "reference.contacts": "urn VARCHAR, name VARCHAR, email VARCHAR, role VARCHAR",
    "reference.ehc_plans": """
        upn VARCHAR, urn VARCHAR, named_date DATE, phase_transfer BOOLEAN, expected_start_date DATE, ceased_date DATE""",
    "reference.pupil_context": "upn VARCHAR, looked_after BOOLEAN, top_up_funding BOOLEAN",
    # The SEN2 Blade export in use, by the pupil's UPN (the ULN where there is none). plan_start_date is the plan's, not the
    # day on which a school was named; last_review_date: of the LA's decision; rank 1: the primary need.
    "reference.sen2_plans": """
        upn VARCHAR, plan_start_date DATE, cease_date DATE, cease_reason VARCHAR, reference_date DATE""",
    "reference.sen2_plan_schools": "upn VARCHAR, urn VARCHAR, plan_start_date DATE",
    "reference.sen2_reviews": """
        upn VARCHAR, review_meeting_date DATE, review_outcome VARCHAR, last_review_date DATE, reference_date DATE""",
    "reference.sen2_needs": "upn VARCHAR, sen_type VARCHAR, rank INTEGER",
    # The school census exports in use. census_term: '2025-26-spring'; sen_provision as recorded, legacy A, P and S too.
    "reference.census_pupils": """
        upn VARCHAR, urn VARCHAR, census_term VARCHAR, census_day DATE, year_group VARCHAR, sex VARCHAR,
        sen_provision VARCHAR, enrolment VARCHAR""",
    "reference.census_needs": "upn VARCHAR, urn VARCHAR, census_term VARCHAR, sen_type VARCHAR, rank INTEGER",
    # amount: pounds; financial_year: '2025-26'
    "reference.notional_budgets": "urn VARCHAR, financial_year VARCHAR, amount DECIMAL(14, 2)",
    # What the LA sets itself, from a day on, in place of the seeds' rows of that day and after. target: a share.
    "reference.la_targets": "indicator_id VARCHAR, valid_from DATE, target DOUBLE",
    "reference.la_parameters": "parameter VARCHAR, valid_from DATE, value INTEGER",
    "reference.la_duty_applies_to": "indicator_id VARCHAR, school_kind VARCHAR, applies_as VARCHAR, valid_from DATE",
    # DfE's published figures. area_type: country, region, la, statistical_neighbours; symbol: what stands in a figure's
    # place ('c', 'x', ...), which means what the release's own legend says.
    "reference.comparators": """
        release VARCHAR, time_period VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, measure VARCHAR,
        breakdown VARCHAR, numerator DOUBLE, denominator DOUBLE, value DOUBLE, symbol VARCHAR""",
    # What a release says of itself: what a symbol means (symbol), or a footnote to a measure (measure).
    "reference.comparator_notes": "release VARCHAR, measure VARCHAR, symbol VARCHAR, note VARCHAR",
    # The calendar in force, loaded before dbt: the LA's own or the seed's. closed_days: ISO dates, ';' between.
    "reference.calendar": """
        term VARCHAR, starts_on DATE, half_term_starts_on DATE, half_term_ends_on DATE, ends_on DATE, census_day DATE,
        as_at_date DATE, window_opens_on DATE, deadline DATE, reminder_on DATE, second_reminder_on DATE,
        closed_days VARCHAR""",
}


def raw_ddl(table: Table) -> str:
    """Columns of `raw.<table>`: per field the typed value, its text as received and its fault (null: none)."""
    cells = [
        f'"{f.name}" {f.duckdb_type}, "{f.name}__text" VARCHAR, "{f.name}__fault" VARCHAR'
        for f in table.fields.values()
    ]
    # a prefix apart: `return` and `arrangements` have fields named urn and term of their own
    return ", ".join(
        [
            "return_id VARCHAR",
            "return_urn VARCHAR",
            "return_term VARCHAR",
            "row_number INTEGER",
            "surplus VARCHAR",
            *cells,
        ]
    )


def raw_tables() -> dict[str, str]:
    """Name -> columns of every table of the return, as received."""
    return {f"raw.{name}": raw_ddl(table) for name, table in load_contract(LATEST_CONTRACT).tables.items()}


def open_connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """An in-memory connection that may fetch nothing; databases are attached to it with `attach`."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": str(settings.data_dir / "tmp"),
            # it saves a tenth of the file, and costs a quarter of the time of reading it and half of that of writing it
            "disabled_compression_methods": "fsst",
            # what a term or a day writes is written at once, and forgotten at once: to merge it with what earlier ones
            # wrote, at the end of each step, takes longer than the writing itself (reading a few returns merges them)
            "max_vacuum_tasks": 0,
        }
    )
    if settings.warehouse_key:
        connection.execute("SET temp_file_encryption = true")
    return connection


class WarehouseKeyError(duckdb.Error):
    """`SEN_WAREHOUSE_KEY` is not what a database was made with."""


def attach(
    connection: duckdb.DuckDBPyConnection, path: Path, alias: str, settings: Settings, *, read_only: bool = False
) -> None:
    """Attach a database; encrypted when `SEN_WAREHOUSE_KEY` is set.

    Raises duckdb.IOException where another process holds the file, WarehouseKeyError where the key is not the file's.
    """
    options = ["READ_ONLY"] if read_only else []
    if settings.warehouse_key:
        if not read_only:
            load_httpfs(connection)  # writing encrypted files needs its OpenSSL
        options.append(f"ENCRYPTION_KEY {sql_text(settings.warehouse_key.get_secret_value())}")
    clause = f" ({', '.join(options)})" if options else ""
    try:
        connection.execute(f"ATTACH {sql_text(str(path))} AS {alias}{clause}")
    except (duckdb.CatalogException, duckdb.InvalidInputException) as error:
        if "encrypt" not in str(error):
            raise
        raise WarehouseKeyError(
            f"{path.name} was made {_made_with(settings, str(error))}. Set SEN_WAREHOUSE_KEY as it was then."
        ) from None


def _made_with(settings: Settings, said: str) -> str:
    if not settings.warehouse_key:
        return "with a key, and none is set"
    return "without a key" if "not encrypted" in said else "with another key"


def load_httpfs(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extension from its package; nothing is fetched."""
    extension = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))
    connection.execute(f"LOAD {sql_text(str(extension))}")


def sql_text(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def warehouse(
    settings: Settings, *, read_only: bool = False, patience: float = 300
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse with every table there; closed at the end.

    A child that a killed run left behind may hold the file for a while: it is waited for, `patience` seconds at most.
    One that was made before `SEN_WAREHOUSE_KEY` was set is encrypted first. Raises WarehouseKeyError for another key.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.warehouse_path
    try:
        connection = open_database(settings, path, ALIAS, patience, read_only=read_only)
    except WarehouseKeyError:
        # what the terms were run with is forgotten, so that the next run publishes them under the key
        forget = "DELETE FROM fresh.ledger.term_runs"
        if read_only or not encrypt_plain(settings, path, forget, also_plain=settings.published_dir):
            raise
        connection = open_database(settings, path, ALIAS, patience)
    try:
        connection.execute(f"USE {ALIAS}")
        if not read_only:
            create_tables(connection)
        yield connection
    finally:
        connection.close()


def open_database(
    settings: Settings, path: Path, alias: str, patience: float, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """A connection to which the database is attached; one that another process holds is waited for, `patience` seconds.

    Raises as `attach` does.
    """
    waited_until = time.monotonic() + patience
    while True:
        connection = open_connection(settings)
        try:
            attach(connection, path, alias, settings, read_only=read_only)
        except duckdb.IOException as error:
            connection.close()
            if "lock" not in str(error).lower() or time.monotonic() > waited_until:
                raise
            time.sleep(0.2)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def encrypt_plain(settings: Settings, path: Path, *statements: str, also_plain: Path | None = None) -> bool:
    """Put an encrypted copy (`fresh`, to which the statements are done first) in the place of a database in the clear.

    A folder that was made of it in the clear is removed before. False where the database is not in the clear, or no key
    is set.
    """
    if not settings.warehouse_key:
        return False
    fresh = path.with_suffix(".encrypted")
    fresh.unlink(missing_ok=True)
    connection = open_connection(settings)
    try:
        attach(connection, path, "plain", settings.model_copy(update={"warehouse_key": None}))
        attach(connection, fresh, "fresh", settings)
        connection.execute("COPY FROM DATABASE plain TO fresh")
        for statement in statements:
            connection.execute(statement)
        connection.execute("DETACH fresh")
    except WarehouseKeyError:
        return False
    finally:
        connection.close()
    if also_plain:
        shutil.rmtree(also_plain, ignore_errors=True)
    fresh.replace(path)
    return True


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make what is not there yet: tables, and the columns that a later release has brought to one."""
    tables = TABLES | raw_tables()
    for schema in dict.fromkeys(name.split(".")[0] for name in tables):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for name, columns in tables.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
    there = connection.sql(
        "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() WHERE database_name = current_database()"
    ).fetchall()
    known = set(there)
    for name, columns in tables.items():
        for column, kind in _columns(columns):
            if (name, column) not in known:
                connection.execute(f'ALTER TABLE {name} ADD COLUMN "{column}" {kind}')


def _columns(ddl: str) -> list[tuple[str, str]]:
    """(name, type) of every column of a table's definition."""
    parts = [part.split(maxsplit=1) for part in re.split(r",\s*(?![^()]*\))", ddl.strip())]
    return [(name.strip('"'), kind.removesuffix(" PRIMARY KEY")) for name, kind in parts if name != "PRIMARY"]


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing: a run killed inside leaves what was there before."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def only_writer(settings: Settings, say=print) -> Iterator[None]:
    """The one lock for command line and daemon alike: who comes second waits, and says for whom.

    The lock is the operating system's, so that a killed run leaves none behind.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # one lock object a process: a command that holds it may start a run that takes it again
    lock = FileLock(settings.data_dir.resolve() / "run.lock", is_singleton=True, thread_local=False)
    holder = settings.data_dir / "run.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        whom = holder.read_text() if holder.exists() else "another run"
        say(f"Waiting for {whom}, which is writing the warehouse.")
        lock.acquire()
    try:
        holder.write_text(f"process {os.getpid()}")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
