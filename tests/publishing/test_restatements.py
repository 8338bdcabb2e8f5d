"""Two schools and the LA, spring (past its deadline when it was published) and summer (its window still open)."""

from datetime import datetime

import pytest

from pipelines.publishing.restatements import note_restatements
from pipelines.publishing.snapshots import ANALYSTS_TABLES, open_snapshot, publish
from pipelines.warehouse import warehouse

FIRST, SECOND = datetime(2026, 7, 10, 2, 0), datetime(2026, 7, 11, 2, 0)
SPRING, SUMMER = "2025-26-spring", "2025-26-summer"
MADE = {
    "terms": "term VARCHAR, as_at_date DATE, deadline DATE",
    "indicators": "id VARCHAR",
    "returns": "urn VARCHAR, term VARCHAR, return_id VARCHAR",
    "indicator_values": """indicator_id VARCHAR, urn VARCHAR, term VARCHAR, group_type VARCHAR, group_value VARCHAR,
        numerator BIGINT, denominator BIGINT, unknown BIGINT, value DOUBLE""",
    "indicator_values_area": """indicator_id VARCHAR, area_type VARCHAR, area_code VARCHAR, term VARCHAR,
        group_type VARCHAR, group_value VARCHAR, numerator BIGINT, denominator BIGINT, unknown BIGINT, value DOUBLE""",
}


@pytest.fixture
def published(settings):
    """The first snapshot: school 1 sent both terms, school 2 spring alone."""
    with warehouse(settings) as connection:
        connection.execute("CREATE SCHEMA marts")
        for table in ANALYSTS_TABLES:
            connection.execute(f"CREATE TABLE marts.{table} ({MADE.get(table, 'term VARCHAR')})")
        connection.execute(f"""
            INSERT INTO marts.terms VALUES ('{SPRING}', '2026-03-13', '2026-03-27'), ('{SUMMER}', '2026-07-03', '2026-07-17');
            INSERT INTO marts.indicators VALUES ('REV03');
            INSERT INTO marts.returns VALUES
                ('1', '{SPRING}', 'a'), ('2', '{SPRING}', 'b'), ('1', '{SUMMER}', 'c'), ('2', '{SUMMER}', NULL);
            INSERT INTO ledger.reference_files (path, sha256, state) VALUES ('ehc_plans.csv', 'first', 'current');
        """)
        for urn, term, numerator in (("1", SPRING, 6), ("2", SPRING, 8), ("1", SUMMER, 7)):
            school_says(connection, urn, term, numerator)
        for term, numerator, denominator in ((SPRING, 14, 20), (SUMMER, 7, 10)):
            la_says(connection, term, numerator, denominator)
    publish(settings, FIRST)
    return settings


def school_says(connection, urn: str, term: str, numerator: int, indicator: str = "REV03") -> None:
    """A school's figure, out of ten, in place of what it was."""
    key = [indicator, urn, term]
    connection.execute("DELETE FROM marts.indicator_values WHERE indicator_id = ? AND urn = ? AND term = ?", key)
    connection.execute(
        "INSERT INTO marts.indicator_values VALUES (?, ?, ?, 'all', 'all', ?, 10, 0, ?)",
        [*key, numerator, numerator / 10],
    )


def la_says(connection, term: str, numerator: int, denominator: int) -> None:
    connection.execute("DELETE FROM marts.indicator_values_area WHERE term = ?", [term])
    connection.execute(
        "INSERT INTO marts.indicator_values_area VALUES ('REV03', 'la', '801', ?, 'all', 'all', ?, ?, 0, ?)",
        [term, numerator, denominator, numerator / denominator],
    )


def sends(connection, urn: str, term: str, return_id: str) -> None:
    connection.execute("UPDATE marts.returns SET return_id = ? WHERE urn = ? AND term = ?", [return_id, urn, term])


def restated(settings) -> list[tuple]:
    """area_code, term, from, to, return_id, because: as the next snapshot says it."""
    noted = note_restatements(settings, SECOND)
    publish(settings, SECOND)
    connection, _ = open_snapshot(settings)
    with connection:
        rows = connection.sql(
            """SELECT area_code, term, numerator_from, numerator_to, return_id, because FROM marts.restatements
            WHERE published_at = TIMESTAMP '2026-07-11 02:00:00' ORDER BY ALL"""
        ).fetchall()
    assert noted == len(rows)
    return rows


def test_before_the_first_snapshot_and_when_nothing_changed_nothing_is_restated(settings, published):
    assert restated(published) == []
    assert note_restatements(settings.model_copy(update={"data_dir": settings.data_dir / "fresh"}), FIRST) == 0


def test_a_resubmission_restates_the_schools_figure_and_a_final_figure_of_the_la(published):
    with warehouse(published) as connection:
        sends(connection, "1", SPRING, "a2")
        school_says(connection, "1", SPRING, 9)
        la_says(connection, SPRING, 17, 20)
    assert restated(published) == [
        ("1", SPRING, 6, 9, "a2", "resubmission"),
        ("801", SPRING, 14, 17, None, "returns"),
    ]


def test_while_the_window_is_open_a_first_return_restates_nothing_and_a_second_restates_the_school_alone(published):
    with warehouse(published) as connection:
        sends(connection, "2", SUMMER, "d")
        school_says(connection, "2", SUMMER, 5)
        sends(connection, "1", SUMMER, "c2")
        school_says(connection, "1", SUMMER, 10)
        la_says(connection, SUMMER, 15, 20)
    assert restated(published) == [("1", SUMMER, 7, 10, "c2", "resubmission")]


def test_a_return_after_the_deadline_restates_what_was_published_without_it(published):
    with warehouse(published) as connection:
        connection.execute("UPDATE marts.terms SET deadline = '2026-07-05' WHERE term = ?", [SUMMER])
    publish(published, FIRST)
    with warehouse(published) as connection:
        sends(connection, "2", SUMMER, "d")
        school_says(connection, "2", SUMMER, 5)
    assert restated(published) == [("2", SUMMER, None, 5, "d", "late_return")]


def test_another_file_of_the_las_own_is_named_as_the_cause(published):
    with warehouse(published) as connection:
        school_says(connection, "2", SPRING, 7)
        connection.execute("UPDATE ledger.reference_files SET sha256 = 'second'")
    assert restated(published) == [("2", SPRING, 8, 7, None, "la_files")]


def test_the_same_file_pulled_again_is_no_cause(published):
    with warehouse(published) as connection:
        school_says(connection, "2", SPRING, 7)
        connection.execute("UPDATE ledger.reference_files SET received_at = '2026-07-11'")
    assert restated(published) == [("2", SPRING, 8, 7, None, "definitions")]


def test_a_link_among_the_las_own_files_is_no_cause(published):
    with warehouse(published) as connection:
        connection.execute("INSERT INTO ledger.reference_files (path, state) VALUES ('contacts.csv', 'link')")
    publish(published, FIRST)
    with warehouse(published) as connection:
        school_says(connection, "2", SPRING, 7)
    assert restated(published) == [("2", SPRING, 8, 7, None, "definitions")]


def test_what_the_build_left_as_it_was_is_not_compared(published):
    with warehouse(published) as connection:
        connection.execute("INSERT INTO ledger.build VALUES (?)", [SUMMER])
        for term in (SPRING, SUMMER):
            sends(connection, "1", term, "again")
            school_says(connection, "1", term, 1)
    assert restated(published) == [("1", SUMMER, 7, 1, "again", "resubmission")]


def test_a_new_indicator_restates_nothing(published):
    with warehouse(published) as connection:
        connection.execute("INSERT INTO marts.indicators VALUES ('REV04')")
        school_says(connection, "1", SPRING, 4, indicator="REV04")
    assert restated(published) == []


def test_a_run_killed_before_the_snapshot_notes_the_same_figures_once(published):
    with warehouse(published) as connection:
        sends(connection, "1", SPRING, "a2")
        school_says(connection, "1", SPRING, 9)
    note_restatements(published, SECOND)
    assert restated(published) == [("1", SPRING, 6, 9, "a2", "resubmission")]
