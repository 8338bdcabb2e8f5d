"""The profile of needs: pupils by provision, need, year group and sex, as the school census or the register has them."""

import duckdb
import polars as pl

from dashboards.queries import ask


def of_area(connection: duckdb.DuckDBPyConnection, term: str | None, area_type: str, area_code: str) -> pl.DataFrame:
    """A row a cell of the profile: provision (K, E, N), need, year_group, sex, source (census, register), pupils."""
    return ask(
        connection,
        """
        select provision, need, year_group, sex, source, pupils
        from marts.needs_profile
        where term = $term and area_type = $area_type and area_code = $area_code
        """,
        term=term,
        area_type=area_type,
        area_code=area_code,
    )


def over_terms(connection: duckdb.DuckDBPyConnection, area_type: str, area_code: str) -> pl.DataFrame:
    """A row a term, one without a figure as nulls.

    Columns: term, support, plans; census_sen and roll (of the schools whose figures are the census's alone);
    schools_counted, schools_missing (both null for a school).
    """
    return ask(
        connection,
        """
        select
            terms.term,
            (sum(pupils) filter (where provision = 'K'))::bigint as support,
            (sum(pupils) filter (where provision = 'E'))::bigint as plans,
            (sum(pupils) filter (where source = 'census' and provision in ('K', 'E')))::bigint as census_sen,
            (sum(pupils) filter (where source = 'census'))::bigint as roll,
            max(counted.schools_counted) as schools_counted,
            max(counted.schools_missing) as schools_missing
        from marts.terms as terms
        left join marts.needs_profile as profile
            on profile.term = terms.term and profile.area_type = $area_type and profile.area_code = $area_code
        left join marts.indicator_values_area as counted
            on counted.term = terms.term and counted.indicator_id = 'OUT01' and counted.group_type = 'all'
            and counted.area_type = $area_type and counted.area_code = $area_code
        group by terms.term, terms.as_at_date
        order by terms.as_at_date
        """,
        area_type=area_type,
        area_code=area_code,
    )


def by_area(connection: duckdb.DuckDBPyConnection, term: str, area_type: str) -> pl.DataFrame:
    """Every phase, trust or school by name: area_code, area, support, plans, roll (null where the register speaks),
    commonest (the need of most), source (census, register, both).
    """
    return ask(
        connection,
        """
        with cells as (
            select * from marts.needs_profile where term = $term and area_type = $area_type
        ),

        needs as (
            select area_code, need
            from cells
            where provision in ('K', 'E') and need is not null
            group by area_code, need
            qualify row_number() over (partition by area_code order by sum(pupils) desc, need) = 1
        ),

        trusts as (
            select trust_code, min(trust) as trust from marts.schools where trust_code is not null group by trust_code
        )

        select
            cells.area_code,
            coalesce(min(schools.name), min(trusts.trust), cells.area_code) as area,
            coalesce(sum(pupils) filter (where provision = 'K'), 0)::bigint as support,
            coalesce(sum(pupils) filter (where provision = 'E'), 0)::bigint as plans,
            case when count_if(source = 'register') = 0 then sum(pupils) end::bigint as roll,
            min(needs.need) as commonest,
            case when count(distinct source) = 2 then 'both' else min(source) end as source
        from cells
        left join needs on needs.area_code = cells.area_code
        left join marts.schools on $area_type = 'school' and schools.urn = cells.area_code
        left join trusts on $area_type = 'trust' and trusts.trust_code = cells.area_code
        group by cells.area_code
        order by area
        """,
        term=term,
        area_type=area_type,
    )


def sources(connection: duckdb.DuckDBPyConnection, term: str) -> dict[str, int]:
    """How many schools' figures are by the census, and how many by the register."""
    sql = """
        select source, count(distinct area_code) as schools
        from marts.needs_profile
        where term = $term and area_type = 'school'
        group by source
    """
    return dict(ask(connection, sql, term=term).iter_rows())
