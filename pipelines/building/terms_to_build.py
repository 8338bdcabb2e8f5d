"""Which terms' figures a build makes anew: from the first whose inputs have changed; what earlier terms say stands."""

import duckdb

from pipelines.changed_terms import taken_in
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import transaction


def begin_build(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> str:
    """Say to dbt (ledger.build) with which term to begin, and give it; `terms` are those of the run.

    Until it is published no term from it on counts as built, so that a build after a killed run begins as early.
    """
    current = taken_in(settings, connection)
    published = dict(connection.sql("SELECT term, fingerprint FROM ledger.published_terms").fetchall())
    calendar = list(load_calendar(settings))
    stale = {term for term, fingerprint in current.items() if published.get(term) != fingerprint}
    first = next(term for term in calendar if term in stale.union(terms))
    with transaction(connection):
        connection.execute(
            "DELETE FROM ledger.published_terms WHERE list_contains(?, term)", [calendar[calendar.index(first) :]]
        )
        connection.execute("DELETE FROM ledger.build")
        connection.execute("INSERT INTO ledger.build VALUES (?)", [first])
    return first


def mark_published(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> None:
    """Remember what every published term was built with; a term whose new files wait for their own run is not remembered."""
    current = taken_in(settings, connection)
    run = dict(connection.sql("SELECT term, fingerprint FROM ledger.term_runs").fetchall())
    known = [[term, current[term]] for term in current if term in terms or run.get(term) == current[term]]
    with transaction(connection):
        connection.executemany("INSERT OR REPLACE INTO ledger.published_terms VALUES (?, ?)", known)
