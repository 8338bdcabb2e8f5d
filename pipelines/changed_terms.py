"""Which terms have something new: a term is run again when the fingerprint of its inputs has changed."""

import hashlib
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

import duckdb

from pipelines.casework import decisions
from pipelines.fingerprints import files_fingerprint
from pipelines.reference import KINDS_OF_TERMS, SHOWN_STATES, reference_fingerprint
from pipelines.settings import DBT_PROJECT_DIR, EXPECTATIONS_DIR, PROJECT_DIR, Settings
from pipelines.terms import calendar_path, load_calendar
from pipelines.warehouse import transaction

# What turns a file into figures and words: rules, contract and seeds, the models, and the code of the stages.
PROJECT_FOLDERS = (
    EXPECTATIONS_DIR,
    DBT_PROJECT_DIR / "seeds",
    DBT_PROJECT_DIR / "macros",
    DBT_PROJECT_DIR / "models",
    *(PROJECT_DIR / "pipelines" / stage for stage in ("reading", "checking", "building", "feedback")),
)
OF_NO_TERM = "of no term"  # its row in ledger.term_runs
PROJECT_SUFFIXES = {".yml", ".csv", ".sql", ".py", ".j2", ".typ"}


def term_fingerprints(
    settings: Settings, connection: duckdb.DuckDBPyConnection, decided: dict[str, tuple] | None = None
) -> dict[str, str]:
    """Term -> fingerprint of its inputs, for every term that has a file: files, the LA's own, the project's own.

    Its files, and those of the term before, which rules look back on; and the decisions on explanations of what was found
    in it: those of the casework where `decided` (explanation_id -> decision, note) does not say them. A term whose figures
    stand, for they rest on what is past its retention, is not run again, and has none.
    """
    decided = _decided(settings) if decided is None else decided
    explained = _explained_in_terms(connection, decided)
    own_files = reference_fingerprint(connection, KINDS_OF_TERMS)
    common = [_project_fingerprint(), own_files, calendar_path(settings).read_text()]
    common += [settings.la_code, str(settings.minimum_units)]
    # files, not returns: one that came twice is no return, and its school is told
    returns = dict(
        connection.sql("""
            SELECT term, string_agg(file_id || coalesce(released_at::VARCHAR, ''), ',' ORDER BY file_id)
            FROM ledger.files WHERE term IS NOT NULL GROUP BY term
        """).fetchall()
    )
    closed = {term for (term,) in connection.sql("SELECT term FROM ledger.closed_terms").fetchall()}
    return {
        term: hashlib.sha256(
            "\n".join([*common, returns.get(before, ""), returns[term], explained.get(term, "")]).encode()
        ).hexdigest()
        for before, term in pairwise(["", *load_calendar(settings)])
        if term in returns and term not in closed
    }


def _decided(settings: Settings) -> dict[str, tuple]:
    rows = decisions(settings).select("explanation_id", "decision", "note").iter_rows()
    return {explanation_id: decision for explanation_id, *decision in rows}


def _explained_in_terms(connection: duckdb.DuckDBPyConnection, decided: dict[str, tuple]) -> dict[str, str]:
    """Term -> what was decided on the explanations of what was found in it."""
    found: dict[str, list[str]] = {}
    for term, explanation_id in connection.sql("""
        SELECT DISTINCT lives.term, explanation_id FROM quality.explanations
        INNER JOIN quality.issue_lives AS lives USING (urn, fact_id) ORDER BY ALL
    """).fetchall():
        if explanation_id in decided:
            found.setdefault(term, []).append(f"{explanation_id} {list(decided[explanation_id])}")
    return {term: "\n".join(lines) for term, lines in found.items()}


def changed_ranges(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[list[str]]:
    """Contiguous ranges of the terms whose inputs are not those of their last finished run.

    Where there is none, the newest term if the snapshot does not show what is of no term: its run publishes it.
    """
    done = dict(connection.sql("SELECT term, fingerprint FROM ledger.term_runs").fetchall())
    current = term_fingerprints(settings, connection)
    calendar = list(load_calendar(settings))
    ranges: list[list[str]] = []
    for term in (term for term, fingerprint in current.items() if done.get(term) != fingerprint):
        if ranges and calendar.index(term) == calendar.index(ranges[-1][-1]) + 1:
            ranges[-1].append(term)
        else:
            ranges.append([term])
    if not ranges and current and done.get(OF_NO_TERM) != _fingerprint_of_no_term(connection):
        return [[list(current)[-1]]]
    return ranges


def _fingerprint_of_no_term(connection: duckdb.DuckDBPyConnection) -> str:
    """Fingerprint of what a snapshot shows beside the terms: files without a school or term, and the LA's own files."""
    files = connection.sql("SELECT file_name, rule_code FROM quality.issues WHERE term IS NULL ORDER BY ALL").fetchall()
    own = connection.sql(f"""
        SELECT path, sha256, state, fault FROM ledger.reference_files WHERE state IN {SHOWN_STATES} ORDER BY ALL
    """).fetchall()
    return hashlib.sha256(repr([files, own]).encode()).hexdigest()


def unplaced_fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    """Fingerprint of what the files without a school or term are judged by: themselves, GIAS and the project's own."""
    files = connection.sql(
        "SELECT file_id, state FROM ledger.files WHERE urn IS NULL OR term IS NULL ORDER BY ALL"
    ).fetchall()
    return hashlib.sha256(repr([_project_fingerprint(), reference_fingerprint(connection), files]).encode()).hexdigest()


def taken_in(settings: Settings, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Term -> fingerprint of the inputs that this run works on: what was decided while it is under way is not taken in."""
    decided = connection.sql(
        "SELECT explanation_id, decision, note FROM quality.explanations WHERE decision IS NOT NULL"
    ).fetchall()
    return term_fingerprints(settings, connection, {known_as: rest for known_as, *rest in decided})


def mark_finished(
    settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str], finished_at: datetime
) -> None:
    """Remember what the terms were run with; the last act of a term's run, so that a killed one is run again."""
    current = taken_in(settings, connection)
    finished = {term: current[term] for term in terms if term in current}
    with transaction(connection):
        for key, fingerprint in {**finished, OF_NO_TERM: _fingerprint_of_no_term(connection)}.items():
            connection.execute(
                "INSERT OR REPLACE INTO ledger.term_runs VALUES (?, ?, ?)", [key, fingerprint, finished_at]
            )


@lru_cache(maxsize=1)
def _project_fingerprint() -> str:
    files = (path for folder in PROJECT_FOLDERS for path in folder.rglob("*"))
    return files_fingerprint(path for path in files if path.suffix in PROJECT_SUFFIXES)
