"""What the snapshot says of itself: when, whose, which terms, which schools, what each indicator means."""

import duckdb
import polars as pl

from dashboards.queries import ask


def about(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
    """One row: published_at, newest_term, la_code, la_name."""
    return ask(connection, "select * from marts.snapshot").row(0, named=True)


def terms(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """term, as_at_date, deadline, is_closed; the oldest first."""
    return ask(connection, "select term, as_at_date, deadline, is_closed from marts.terms order by as_at_date")


def schools(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every school of the LA: urn, laestab, name, phase, type, trust; by name."""
    return ask(connection, "select urn, laestab, name, phase, type, trust from marts.schools order by name, urn")


def indicators(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The definitions, in the order of the themes: id, theme, name, duty, word, numerator, denominator, unknown, target, ..."""
    return ask(connection, "select * from marts.indicators order by position, id")


def restatements(connection: duckdb.DuckDBPyConnection, term: str) -> int:
    """How many published figures of the term have changed since."""
    held = ask(
        connection,
        "select table_name from information_schema.tables where table_schema = 'marts' and table_name = 'restatements'",
    )
    if held.is_empty():
        return 0
    return ask(connection, "select count(*) as n from marts.restatements where term = $term", term=term).item()
