"""What the LA's own data say at a term's as-at date: which EHC plans name which school, and when a pupil is due there.

SEN2 and the school census say it of a day of theirs: a term is held against those alone whose day is of the term.
"""

from bisect import bisect_right
from datetime import date

import duckdb
import polars as pl

from pipelines.building.model_sql import model_sql
from pipelines.building.parameters import values_of
from pipelines.checking.last_terms import make_table
from pipelines.settings import Settings
from pipelines.terms import load_calendar

ADMISSION_DAYS = "admission_school_days"


def take_school_lines(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `school_lines`: urn, line_urn, of schools that became academies and are one with them."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE school_lines AS {model_sql(settings, 'stg_school_lines')}")


def take_la_plans(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `la_plans` of the checked terms: term, upn, urn (the newest of its line), due_date, is_in_force.

    A plan that names a school, named by the as-at date; in force where it has not ceased by then. due_date: as
    int_admission_due_dates has it; null where the calendar does not reach.
    """
    namings = connection.sql("""
        SELECT DISTINCT terms.term, terms.as_at_date, plans.named_date
        FROM reference.ehc_plans AS plans INNER JOIN checked_terms AS terms ON plans.named_date <= terms.as_at_date
    """).pl()
    make_table(
        connection, "naming_due_dates", _due_dates(settings, namings, values_of(settings, connection, ADMISSION_DAYS))
    )
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE la_plans AS
        SELECT
            terms.term, plans.upn, coalesce(lines.line_urn, plans.urn) AS urn,
            coalesce(plans.ceased_date > terms.as_at_date, true) AS is_in_force,
            coalesce(
                plans.expected_start_date,
                CASE WHEN plans.phase_transfer THEN due.next_year_starts_on ELSE due.school_days_end_on END
            ) AS due_date
        FROM reference.ehc_plans AS plans
        INNER JOIN checked_terms AS terms ON plans.named_date <= terms.as_at_date
        LEFT JOIN school_lines AS lines ON plans.urn = lines.urn
        LEFT JOIN naming_due_dates AS due ON plans.named_date = due.named_date AND terms.term = due.term
    """)


def take_sen2_and_census(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary tables of what the checked terms are held against, a pupil a row.

    sen2_primary_needs: term, upn, sen_type (of rank 1), where the export's reference date is of the term: after the as-at
    date of the term before. census_pupils: term, urn (the newest of its line), upn, census_day, sen_provision, year_group,
    sex, primary_need (of rank 1; null but in spring).
    """
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE sen2_primary_needs AS
        SELECT DISTINCT terms.term, needs.upn, needs.sen_type
        FROM reference.sen2_needs AS needs
        CROSS JOIN (SELECT max(reference_date) AS reference_date FROM reference.sen2_plans) AS export
        INNER JOIN checked_terms AS terms
            ON export.reference_date <= terms.as_at_date
            AND coalesce(export.reference_date > terms.last_as_at_date, true)
        WHERE needs.rank = 1 AND needs.sen_type IS NOT NULL
    """)
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE census_pupils AS
        SELECT
            pupils.census_term AS term, coalesce(lines.line_urn, pupils.urn) AS urn, pupils.upn, pupils.census_day,
            pupils.sen_provision, pupils.year_group, pupils.sex, needs.sen_type AS primary_need
        FROM reference.census_pupils AS pupils
        INNER JOIN checked_terms AS terms ON pupils.census_term = terms.term AND pupils.census_day <= terms.as_at_date
        LEFT JOIN school_lines AS lines ON pupils.urn = lines.urn
        LEFT JOIN reference.census_needs AS needs
            ON pupils.upn = needs.upn AND pupils.urn = needs.urn AND pupils.census_term = needs.census_term
            AND needs.rank = 1
    """)


def _due_dates(settings: Settings, namings: pl.DataFrame, allowed: list[tuple[date, int]]) -> pl.DataFrame:
    """term, named_date, school_days_end_on, next_year_starts_on; the date of naming is day 0, the next school day is day 1.

    As the model: a term's number of school days is the one in force at its as-at date, for earlier namings too.
    """
    terms = list(load_calendar(settings).values())
    days = [day for term in terms for day in term.school_days()]
    first_days = [term.school_days()[0] for term in terms if term.name == "autumn"]

    def school_days_end_on(named: date, as_at: date) -> date | None:
        in_force = [number for since, number in allowed if since <= as_at]
        position = bisect_right(days, named) + in_force[-1] - 1 if in_force else len(days)
        return days[position] if 0 <= position < len(days) else None

    rows = [
        (term, day, school_days_end_on(day, as_at), next((d for d in first_days if d > day), None))
        for term, as_at, day in namings.iter_rows()
    ]
    schema = {"term": pl.String, "named_date": pl.Date, "school_days_end_on": pl.Date, "next_year_starts_on": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")
