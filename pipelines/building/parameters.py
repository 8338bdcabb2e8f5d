"""The numbers of days, months and reviews that definitions speak of, for what is said before dbt has run."""

from datetime import date

import duckdb

from pipelines.building.model_sql import model_sql
from pipelines.settings import Settings


def values_of(settings: Settings, connection: duckdb.DuckDBPyConnection, parameter: str) -> list[tuple[date, int]]:
    """(valid from, value) of a parameter, in order of time: the LA's own, else the seed's."""
    return connection.execute(
        f"""
        SELECT valid_from, value FROM ({model_sql(settings, "stg_parameters")})
        WHERE parameter = ? ORDER BY valid_from
        """,
        [parameter],
    ).fetchall()


def value_on(settings: Settings, connection: duckdb.DuckDBPyConnection, parameter: str, day: date) -> int:
    """The value in force on a day. Raises KeyError where there is none yet."""
    in_force = [value for since, value in values_of(settings, connection, parameter) if since <= day]
    if not in_force:
        raise KeyError(parameter)
    return in_force[-1]
