"""Waits for specialist services: how long from a referral to a first contact."""

import duckdb
import polars as pl

from dashboards.queries import ask

ALL_SERVICES = "all"
# a place by the name that people know: GIAS's phase, the trust's name, the school's
_NAMED = """
    select
        waits.*,
        coalesce(schools.name, trusts.trust, waits.area_code) as area
    from marts.waiting_times as waits
    left join marts.schools on waits.area_type = 'school' and schools.urn = waits.area_code
    left join (
        select trust_code, min(trust) as trust from marts.schools where trust_code is not null group by trust_code
    ) as trusts on waits.area_type = 'trust' and trusts.trust_code = waits.area_code
"""


def services(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Every service that a referral was made to in any term."""
    sql = "select distinct service from marts.waiting_times where service <> $service order by service"
    return ask(connection, sql, service=ALL_SERVICES)["service"].to_list()


def by_service(connection: duckdb.DuckDBPyConnection, term: str | None, area_type: str, area_code: str) -> pl.DataFrame:
    """A row a service and one for `all`: service, referrals, seen, still_waiting, unknown, median_days, ninetieth_days."""
    return ask(
        connection,
        """
        select service, referrals, seen, still_waiting, unknown, median_days, ninetieth_days
        from marts.waiting_times
        where term = $term and area_type = $area_type and area_code = $area_code
        order by service = 'all' desc, referrals desc, service
        """,
        term=term,
        area_type=area_type,
        area_code=area_code,
    )


def over_terms(connection: duckdb.DuckDBPyConnection, service: str, area_type: str, area_code: str) -> pl.DataFrame:
    """A row a term, one without a referral as nulls: term, referrals, seen, still_waiting, unknown, median_days,
    ninetieth_days, schools_counted, schools_missing (both null for a school).
    """
    return ask(
        connection,
        """
        select
            terms.term, waits.referrals, waits.seen, waits.still_waiting, waits.unknown, waits.median_days,
            waits.ninetieth_days, counted.schools_counted, counted.schools_missing
        from marts.terms as terms
        left join marts.waiting_times as waits
            on waits.term = terms.term and waits.service = $service
            and waits.area_type = $area_type and waits.area_code = $area_code
        left join marts.indicator_values_area as counted
            on counted.term = terms.term and counted.indicator_id = 'NPR03' and counted.group_type = 'all'
            and counted.area_type = $area_type and counted.area_code = $area_code
        order by terms.as_at_date
        """,
        service=service,
        area_type=area_type,
        area_code=area_code,
    )


def by_area(connection: duckdb.DuckDBPyConnection, term: str, service: str, area_type: str) -> pl.DataFrame:
    """Every phase, trust or school with a referral, the longest median first and those that none is known of before it.

    Columns: area_code, area, referrals, seen, still_waiting, unknown, median_days, ninetieth_days.
    """
    return ask(
        connection,
        f"""
        select area_code, area, referrals, seen, still_waiting, unknown, median_days, ninetieth_days
        from ({_NAMED})
        where term = $term and service = $service and area_type = $area_type
        order by referrals > 0 desc, median_days desc nulls first, area
        """,
        term=term,
        service=service,
        area_type=area_type,
    )


def every_term(connection: duckdb.DuckDBPyConnection, urn: str | None) -> pl.DataFrame:
    """What the page's download holds: every term, place and service, of a school alone where one is chosen."""
    return ask(
        connection,
        f"""
        select term, area_type, area_code, area, service, referrals, seen, still_waiting, unknown, median_days, ninetieth_days
        from ({_NAMED})
        where $urn::varchar is null or (area_type = 'school' and area_code = $urn) or area_type = 'la'
        order by term, area_type, area, service
        """,
        urn=urn,
    )
