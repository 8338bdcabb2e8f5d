"""The schools' returns: who sent what, and what was wrong with it."""

import duckdb
import polars as pl

from dashboards.queries import ask


def of_term(connection: duckdb.DuckDBPyConnection, term: str) -> pl.DataFrame:
    """A row a school that was due or sent something: urn, name, phase, status, on_time, received_at, rows_*, errors,
    queries (without an explanation), explained, is_due.
    """
    return ask(
        connection,
        """
        select
            returns.urn, schools.name, schools.phase, returns.status, on_time, received_at,
            rows_received, rows_accepted, rows_quarantined, errors, queries, explained, is_due
        from marts.returns
        left join marts.schools on schools.urn = returns.urn
        where term = $term
        order by schools.name
        """,
        term=term,
    )


def missing(connection: duckdb.DuckDBPyConnection, term: str) -> pl.DataFrame:
    """Schools that were due and have no usable return: urn, name, phase, status (missing, rejected), terms_running."""
    return ask(
        connection,
        """
        with numbered as (
            select
                urn, status, is_due, returns.term, terms.as_at_date,
                max(case when status not in ('missing', 'rejected') then terms.as_at_date end)
                    over (partition by urn order by terms.as_at_date) as last_used
            from marts.returns
            inner join marts.terms on terms.term = returns.term
        ),

        running as (
            select urn, term, status, is_due, count(*) over (
                partition by urn, last_used order by as_at_date
            ) - case when last_used is null then 0 else 1 end as terms_running
            from numbered
        )

        select running.urn, schools.name, schools.phase, running.status, running.terms_running
        from running
        left join marts.schools on schools.urn = running.urn
        where running.term = $term and running.is_due and running.status in ('missing', 'rejected')
        order by running.terms_running desc, schools.name
        """,
        term=term,
    )


def over_terms(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """term, status, schools: how many schools had each status."""
    return ask(
        connection,
        """
        select returns.term, status, count(*) as schools
        from marts.returns
        inner join marts.terms on terms.term = returns.term
        where is_due
        group by returns.term, terms.as_at_date, status
        order by terms.as_at_date, status
        """,
    )


def commonest_rules(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None) -> pl.DataFrame:
    """Open issues by rule: rule_code, severity, message, remedy, issues, schools; the commonest first."""
    return ask(
        connection,
        """
        select
            rule_code, severity, min(message) as message, min(remedy) as remedy,
            count(*) as issues, count(distinct urn) as schools
        from marts.issues
        where term = $term and state = 'open' and ($urn::varchar is null or urn = $urn)
        group by rule_code, severity
        order by issues desc, rule_code
        """,
        term=term,
        urn=urn,
    )


def unplaced(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Issues about files of no school or no term: file_name, rule_code, message, remedy."""
    return ask(
        connection,
        """
        select file_name, rule_code, message, remedy
        from marts.issues
        where (term is null or urn is null) and state = 'open'
        order by file_name, rule_code
        """,
    )


def la_files(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The LA's own files in use or refused: path, received_at, rows, state (current, broken), fault."""
    return ask(connection, "select path, received_at, rows, state, fault from marts.la_files order by path")


def issues(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None) -> pl.DataFrame:
    """Every issue, errors first: name, severity, rule_code, table_name, row_number, field, message, remedy, state, file_name."""
    return ask(
        connection,
        """
        select
            schools.name, severity, rule_code, table_name, row_number, field, message, remedy, state, file_name
        from marts.issues
        left join marts.schools on schools.urn = issues.urn
        where term = $term and ($urn::varchar is null or issues.urn = $urn)
        order by schools.name nulls first, severity, rule_code, table_name, row_number nulls first
        """,
        term=term,
        urn=urn,
    )
