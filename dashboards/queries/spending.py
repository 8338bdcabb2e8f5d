"""SEN spending beside the notional SEN budget, school by school."""

import duckdb
import polars as pl

from dashboards.queries import ask


def of_term(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None) -> pl.DataFrame:
    """A row a school of which both amounts are known, the highest share first: urn, name, phase, financial_year,
    expenditure and notional_budget (pounds), share, pupils, per_pupil (pounds).
    """
    return ask(
        connection,
        """
        select
            amounts.urn, schools.name, schools.phase, financial_year, expenditure::double as expenditure,
            notional_budget::double as notional_budget, share, pupils, per_pupil
        from marts.amounts
        left join marts.schools on schools.urn = amounts.urn
        where term = $term and ($urn::varchar is null or amounts.urn = $urn)
        order by share desc, schools.name
        """,
        term=term,
        urn=urn,
    )


def over_terms(connection: duckdb.DuckDBPyConnection, urn: str | None) -> pl.DataFrame:
    """A row a term, one without a figure as nulls: term, schools, expenditure, notional_budget, share, pupils, per_pupil
    (of the schools of which both amounts are known together).
    """
    return ask(
        connection,
        """
        select
            terms.term,
            count(amounts.urn) as schools,
            sum(expenditure)::double as expenditure,
            sum(notional_budget)::double as notional_budget,
            sum(expenditure)::double / nullif(sum(notional_budget)::double, 0) as share,
            sum(pupils)::bigint as pupils,
            sum(expenditure)::double / nullif(sum(pupils), 0) as per_pupil
        from marts.terms as terms
        left join marts.amounts on amounts.term = terms.term and ($urn::varchar is null or amounts.urn = $urn)
        group by terms.term, terms.as_at_date
        order by terms.as_at_date
        """,
        urn=urn,
    )


def not_known(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None) -> pl.DataFrame:
    """Schools that sent a return, and of which an amount is not known, by name: urn, name."""
    return ask(
        connection,
        """
        select schools.urn, schools.name
        from marts.indicator_values
        inner join marts.schools on schools.urn = indicator_values.urn
        where
            indicator_id = 'RES01' and group_type = 'all' and term = $term and unknown > 0
            and ($urn::varchar is null or indicator_values.urn = $urn)
        order by schools.name
        """,
        term=term,
        urn=urn,
    )
