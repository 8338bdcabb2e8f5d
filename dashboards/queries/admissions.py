"""EHC plans that name a school: where each of them stands."""

import duckdb
import polars as pl

from dashboards.queries import ask

# due by the as-at date and not admitted, as EHC02 counts: not every school that a plan names has the duty to admit
NOT_MADE = """(
    plans.standing in ('due_and_not_admitted', 'named_by_la_absent_from_return')
    and exists (
        select 1
        from marts.indicator_values as figures
        where figures.indicator_id = 'EHC02' and figures.urn = plans.urn and figures.term = plans.term
    )
)"""


def of_term(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None) -> pl.DataFrame:
    """A row a plan and school, the latest first; columns as in marts.ehc_admissions, with the school's name and phase
    and is_not_made.
    """
    return ask(
        connection,
        f"""
        select plans.* exclude (term), schools.name, schools.phase, {NOT_MADE} as is_not_made
        from marts.ehc_admissions as plans
        left join marts.schools on schools.urn = plans.urn
        where term = $term and ($urn::varchar is null or plans.urn = $urn)
        order by days_late desc nulls last, schools.name, pupil_key
        """,
        term=term,
        urn=urn,
    )


def not_made_in(connection: duckdb.DuckDBPyConnection, term: str | None, urn: str | None = None) -> pl.DataFrame:
    """pupil_key, urn, named_date, days_late of the plans that were due by the term's as-at date and not met."""
    return ask(
        connection,
        f"""
        select distinct pupil_key, urn, named_date, days_late
        from marts.ehc_admissions as plans
        where term = $term and {NOT_MADE} and ($urn::varchar is null or urn = $urn)
        """,
        term=term,
        urn=urn,
    )
