"""Indicator values of an area or a school, in one term and over all."""

import duckdb
import polars as pl

from dashboards.queries import ask

# a change is clear when Newcombe's 95 % interval of the difference (1998, method 10) leaves out zero
_CHANGE = pl.col("value") - pl.col("previous_value")
_LOWEST = (
    _CHANGE
    - ((pl.col("value") - pl.col("lower_95")) ** 2 + (pl.col("previous_upper") - pl.col("previous_value")) ** 2).sqrt()
)
_HIGHEST = (
    _CHANGE
    + ((pl.col("upper_95") - pl.col("value")) ** 2 + (pl.col("previous_value") - pl.col("previous_lower")) ** 2).sqrt()
)

_WITH_PREVIOUS = """
    select
        now.indicator_id, now.numerator, now.denominator, now.unknown, now.value, now.unit,
        now.lower_95, now.upper_95, now.rag, now.target, {counted},
        before.value as previous_value, before.lower_95 as previous_lower, before.upper_95 as previous_upper,
        before.rag as previous_rag, before.numerator as previous_numerator, before.denominator as previous_denominator
    from {table} as now
    left join {table} as before
        on before.indicator_id = now.indicator_id
        and {same}
        and before.term = $previous
        and before.group_type = 'all'
    where now.term = $term and now.group_type = 'all' and {which}
    order by now.indicator_id
"""


def _with_change(values: pl.DataFrame) -> pl.DataFrame:
    clear = (_LOWEST > 0) | (_HIGHEST < 0)
    return values.with_columns(
        change=_CHANGE, is_clear_change=pl.when(pl.col("unit") == "rate").then(clear).otherwise(None)
    )


def area_values(
    connection: duckdb.DuckDBPyConnection, term: str, previous: str | None, area_type: str, area_code: str
) -> pl.DataFrame:
    """An area's value of every indicator (group `all`) beside that of the term before.

    Columns: indicator_id, numerator, denominator, unknown, value, unit, lower_95, upper_95, rag, target,
    schools_counted, schools_missing, previous_*, change, is_clear_change.
    """
    sql = _WITH_PREVIOUS.format(
        table="marts.indicator_values_area",
        counted="now.schools_counted, now.schools_missing",
        same="before.area_type = now.area_type and before.area_code = now.area_code",
        which="now.area_type = $area_type and now.area_code = $area_code",
    )
    parameters = {"term": term, "previous": previous, "area_type": area_type, "area_code": area_code}
    return _with_change(ask(connection, sql, **parameters))


def school_values(connection: duckdb.DuckDBPyConnection, term: str, previous: str | None, urn: str) -> pl.DataFrame:
    """A school's value of every indicator, columns as in `area_values`, with applies_as (duty, good_practice)."""
    sql = _WITH_PREVIOUS.format(
        table="marts.indicator_values",
        counted="now.applies_as",
        same="before.urn = now.urn",
        which="now.urn = $urn",
    )
    return _with_change(ask(connection, sql, term=term, previous=previous, urn=urn))


def groups(connection: duckdb.DuckDBPyConnection, indicator_id: str) -> pl.DataFrame:
    """group_type and group_value that the indicator has values for."""
    return ask(
        connection,
        """
        select distinct group_type, group_value
        from marts.indicator_values_area
        where indicator_id = $indicator_id and area_type = 'la'
        """,
        indicator_id=indicator_id,
    )


_SERIES = """
    select
        terms.term, {who}, found.numerator, found.denominator, found.unknown, found.value, found.unit,
        found.lower_95, found.upper_95, found.rag, found.target
    from marts.terms as terms
    cross join ({all_of}) as wanted
    left join {table} as found
        on found.term = terms.term
        and {same}
        and found.indicator_id = $indicator_id
        and found.group_type = $group_type
        and found.group_value = $group_value
    order by 2, terms.as_at_date
"""


def areas_over_terms(
    connection: duckdb.DuckDBPyConnection, indicator_id: str, group_type: str, group_value: str
) -> pl.DataFrame:
    """LA and phases, a row each and term, a term without a value as nulls.

    Columns: term, area_type, area_code, numerator, denominator, unknown, value, unit, lower_95, upper_95, rag,
    target, schools_counted, schools_missing.
    """
    sql = _SERIES.format(
        who="wanted.area_type, wanted.area_code, found.schools_counted, found.schools_missing",
        all_of="""
            select distinct area_type, area_code
            from marts.indicator_values_area
            where area_type in ('la', 'phase') and indicator_id = $indicator_id
        """,
        table="marts.indicator_values_area",
        same="found.area_type = wanted.area_type and found.area_code = wanted.area_code",
    )
    return ask(connection, sql, indicator_id=indicator_id, group_type=group_type, group_value=group_value)


def school_over_terms(
    connection: duckdb.DuckDBPyConnection, indicator_id: str, group_type: str, group_value: str, urn: str
) -> pl.DataFrame:
    """One school, a row a term, a term without a value as nulls; columns as in `areas_over_terms`, with urn."""
    sql = _SERIES.format(
        who="wanted.urn",
        all_of="select $urn as urn",
        table="marts.indicator_values",
        same="found.urn = wanted.urn",
    )
    return ask(connection, sql, indicator_id=indicator_id, group_type=group_type, group_value=group_value, urn=urn)


def peers_over_terms(
    connection: duckdb.DuckDBPyConnection, indicator_id: str, group_type: str, group_value: str, phase: str
) -> pl.DataFrame:
    """The schools of a phase, a row a term: term, schools, tenth, lower_quartile, median, upper_quartile, ninetieth.

    A school without a unit has no rate and is not among them.
    """
    return ask(
        connection,
        """
        select
            terms.term,
            count(found.value) as schools,
            percentile_cont(0.10) within group (order by found.value) as tenth,
            percentile_cont(0.25) within group (order by found.value) as lower_quartile,
            percentile_cont(0.50) within group (order by found.value) as median,
            percentile_cont(0.75) within group (order by found.value) as upper_quartile,
            percentile_cont(0.90) within group (order by found.value) as ninetieth
        from marts.terms as terms
        left join (
            select indicator_values.term, indicator_values.value
            from marts.indicator_values
            inner join marts.schools on schools.urn = indicator_values.urn and schools.phase = $phase
            where indicator_id = $indicator_id and group_type = $group_type and group_value = $group_value
        ) as found on found.term = terms.term
        group by terms.term, terms.as_at_date
        order by terms.as_at_date
        """,
        indicator_id=indicator_id,
        group_type=group_type,
        group_value=group_value,
        phase=phase,
    )


def schools_in_term(
    connection: duckdb.DuckDBPyConnection, indicator_id: str, group_type: str, group_value: str, term: str
) -> pl.DataFrame:
    """Every school with a unit in the term, known or not, of those in the LA's own figure (good practice is in none).

    Columns: urn, name, phase, numerator, denominator, unknown, value, unit, rag.
    """
    return ask(
        connection,
        """
        select schools.urn, schools.name, schools.phase, numerator, denominator, unknown, value, unit, rag
        from marts.indicator_values
        inner join marts.schools on schools.urn = indicator_values.urn
        where
            indicator_id = $indicator_id and group_type = $group_type and group_value = $group_value
            and term = $term and denominator + unknown > 0 and applies_as = 'duty'
        order by schools.name
        """,
        indicator_id=indicator_id,
        group_type=group_type,
        group_value=group_value,
        term=term,
    )


def units_in_term(connection: duckdb.DuckDBPyConnection, indicator_id: str, urn: str, term: str) -> pl.DataFrame:
    """What a school's figure of a term is made of: pupil_key (null: the school itself), unit_id, is_met (null: not known)."""
    return ask(
        connection,
        """
        select pupil_key, unit_id, is_met
        from marts.indicator_units
        where indicator_id = $indicator_id and urn = $urn and term = $term
        order by unit_id
        """,
        indicator_id=indicator_id,
        urn=urn,
        term=term,
    )
