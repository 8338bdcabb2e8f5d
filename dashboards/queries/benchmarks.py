"""The LA beside its region, its statistical neighbours and England: figures that DfE published."""

import duckdb
import polars as pl

from dashboards.queries import ask

# the neighbours together: of those that have both counts, all above the line over all below it
POOLED = """
    select
        measure, time_period, breakdown, 'statistical_neighbours' as area_type, 'Statistical neighbours' as area_name,
        sum(numerator) filter (where value is not null) as numerator,
        sum(denominator) filter (where value is not null) as denominator,
        case
            when sum(denominator) filter (where value is not null) > 0
                then 100 * sum(numerator) filter (where value is not null and denominator is not null)
                    / sum(denominator) filter (where value is not null)
            when count(denominator) = 0 then sum(value)
        end as value,
        null as symbol,
        count(value) as areas_with_figure,
        count(*) as areas
    from marts.comparators
    where area_type = 'statistical_neighbours'
    group by all
"""
ALONE = """
    select
        measure, time_period, breakdown, area_type, area_name, numerator, denominator, value, symbol,
        count(value) over (partition by measure, time_period, breakdown, area_type, area_code) as areas_with_figure,
        1 as areas
    from marts.comparators
    where area_type <> 'statistical_neighbours'
"""
ORDER = "case area_type when 'la' then 1 when 'statistical_neighbours' then 2 when 'region' then 3 else 4 end"


def measures(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every measure that a release gives figures of: measure, position, theme, name, unit, better, beside."""
    return ask(
        connection,
        """
        select * from marts.comparator_measures
        where measure in (select measure from marts.comparators where breakdown = 'all')
        order by position
        """,
    )


def areas(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """A row an area, measure and period; the neighbours are one area, and their figure is that of all together.

    Columns: measure, time_period, area_type, area_name, numerator, denominator, value, symbol, areas_with_figure, areas.
    """
    return ask(
        connection,
        f"""
        select * exclude (breakdown) from ({ALONE} union all {POOLED})
        where breakdown = 'all'
        order by measure, {ORDER}, time_period
        """,
    )


def neighbours(connection: duckdb.DuckDBPyConnection, measure: str, period: str) -> pl.DataFrame:
    """The LA and each neighbour in a period, by value: area_type, area_name, numerator, denominator, value, symbol."""
    return ask(
        connection,
        """
        select area_type, area_name, numerator, denominator, value, symbol
        from marts.comparators
        where
            measure = $measure and time_period = $period and breakdown = 'all'
            and area_type in ('la', 'statistical_neighbours')
        order by value desc nulls last, area_name
        """,
        measure=measure,
        period=period,
    )


def releases(connection: duckdb.DuckDBPyConnection, measure: str) -> list[str]:
    """Titles of the releases that give the measure's figures, the newest first."""
    found = ask(
        connection,
        "select distinct release from marts.comparators where measure = $measure order by release desc",
        measure=measure,
    )
    return found["release"].to_list()


def notes(connection: duckdb.DuckDBPyConnection, measure: str, named: list[str]) -> pl.DataFrame:
    """release, symbol, note: the legends of the releases named, and their footnotes to the measure (symbol null)."""
    return ask(
        connection,
        """
        select distinct release, symbol, note from marts.comparator_notes
        where list_contains($named, release) and (symbol is not null or measure = $measure)
        order by release desc, symbol nulls last, note
        """,
        measure=measure,
        named=named,
    )
