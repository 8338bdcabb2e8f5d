"""Questions to the published snapshot; one file a subject, each answer a Polars frame."""

import duckdb
import polars as pl


def ask(connection: duckdb.DuckDBPyConnection, sql: str, **parameters: object) -> pl.DataFrame:
    """The answer to one query of schema marts; parameters are `$named`, never put into the text."""
    named = {name: value for name, value in parameters.items() if f"${name}" in sql}
    return connection.sql(sql, params=named).pl()
