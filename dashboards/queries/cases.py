"""Support cases: sustained limited progress without a specialist, and progress that is not known."""

import duckdb
import polars as pl

from dashboards.queries import ask

# no specialist is involved, or nobody knows how the pupil is getting on; a unit that is unknown is neither
UNMET = "coalesce(not is_met, false)"


def of_term(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None) -> pl.DataFrame:
    """A row a case, the longest without a specialist first.

    Columns: pupil_key, urn, name, phase, need, trigger, standing, spell_start, reviews, days_in_spell,
    days_without_specialist, referred_date, is_unmet.
    """
    return ask(
        connection,
        f"""
        select
            cases.pupil_key, cases.urn, schools.name, schools.phase, need, trigger, standing, spell_start, reviews,
            days_in_spell, days_without_specialist, referred_date, {UNMET} as is_unmet
        from marts.support_cases as cases
        left join marts.schools on schools.urn = cases.urn
        where term = $term and ($urn::varchar is null or cases.urn = $urn)
        order by days_without_specialist desc nulls last, schools.name, cases.pupil_key
        """,
        term=term,
        urn=urn,
    )


def unmet_in(connection: duckdb.DuckDBPyConnection, term: str | None, urn: str | None = None) -> pl.DataFrame:
    """pupil_key, urn, trigger of the term's unmet cases."""
    return ask(
        connection,
        f"""
        select distinct pupil_key, urn, trigger
        from marts.support_cases
        where term = $term and {UNMET} and ($urn::varchar is null or urn = $urn)
        """,
        term=term,
        urn=urn,
    )
