"""What the LA's own data say before dbt has run: it must be what dbt's models say of the same."""

from datetime import date

import pytest

from pipelines.checking.la_data import take_la_plans, take_school_lines
from pipelines.warehouse import warehouse


@pytest.fixture
def due(settings):
    """due(rows of la_parameters): term -> due date of a plan that named a school on Monday 3 November 2025."""

    def ask(*own: tuple[str, str, int]) -> dict[str, date]:
        with warehouse(settings) as connection:
            connection.execute("DELETE FROM reference.la_parameters")
            for row in own:
                connection.execute("INSERT INTO reference.la_parameters VALUES (?, ?, ?)", row)
            connection.execute("DELETE FROM reference.ehc_plans")
            connection.execute(
                "INSERT INTO reference.ehc_plans (upn, urn, named_date) VALUES ('A', '100001', '2025-11-03')"
            )
            connection.execute(
                "CREATE OR REPLACE TEMP TABLE checked_terms AS FROM (VALUES ('2025-26-autumn', DATE '2025-12-05'), "
                "('2025-26-spring', DATE '2026-03-13')) AS terms (term, as_at_date)"
            )
            take_school_lines(settings, connection)
            take_la_plans(settings, connection)
            return dict(connection.sql("SELECT term, due_date FROM la_plans").fetchall())

    return ask


def test_a_pupil_is_due_fifteen_school_days_after_the_naming(due):
    # 3 November 2025 is a Monday after half term: the fifteenth school day after it is Monday the 24th
    assert due() == dict.fromkeys(("2025-26-autumn", "2025-26-spring"), date(2025, 11, 24))


def test_the_las_own_number_of_days_counts_in_the_terms_from_whose_as_at_date_it_is_in_force(due):
    # from 2026 on ten: the spring term counts the same plan as due on Monday the 17th, the autumn term as before
    assert due(("admission_school_days", "2026-01-01", 10)) == {
        "2025-26-autumn": date(2025, 11, 24),
        "2025-26-spring": date(2025, 11, 17),
    }


def test_no_days_at_all_are_the_day_of_the_naming_itself(due):
    assert due(("admission_school_days", "2025-01-01", 0))["2025-26-autumn"] == date(2025, 11, 3)
