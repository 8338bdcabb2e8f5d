"""Published figures that a later snapshot said otherwise."""

import duckdb
import polars as pl

from dashboards.queries import ask


def of_term(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None) -> pl.DataFrame:
    """The term's restated figures, the newest first; of one school, or of the LA and all its schools.

    Columns: published_at, area_type, area, indicator_id, group_type, group_value, unit, numerator_from,
    denominator_from, value_from, numerator_to, denominator_to, value_to, because, file_name. A figure that came or went
    is null on one side.
    """
    return ask(
        connection,
        """
        select
            restatements.published_at, restatements.area_type,
            coalesce(schools.name, restatements.area_code) as area,
            restatements.indicator_id, restatements.group_type, restatements.group_value, indicators.unit,
            numerator_from, denominator_from, value_from, numerator_to, denominator_to, value_to, because
        from marts.restatements as restatements
        inner join marts.indicators as indicators on restatements.indicator_id = indicators.id
        left join marts.schools as schools
            on restatements.area_type = 'school' and restatements.area_code = schools.urn
        where
            restatements.term = $term
            and ($urn is null or (restatements.area_type = 'school' and restatements.area_code = $urn))
        order by
            restatements.published_at desc, restatements.area_type, area, indicators.position,
            restatements.group_type, restatements.group_value
        """,
        term=term,
        urn=urn,
    )
