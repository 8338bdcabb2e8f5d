from datetime import datetime

import pytest

from pipelines.building.pupil_keys import write_pupil_keys
from pipelines.building.terms_to_build import begin_build, mark_published
from pipelines.changed_terms import mark_finished
from pipelines.warehouse import warehouse

NOW = datetime(2026, 1, 10, 2, 0)
TERMS = ["2024-25-summer", "2025-26-autumn", "2025-26-spring"]


def receive(connection, *terms: str) -> None:
    for term in terms:
        connection.execute(
            "INSERT INTO ledger.files (file_id, term, state) SELECT 'file ' || count(*), ?, 'returned' FROM ledger.files",
            [term],
        )


def build(settings, connection, terms: list[str]) -> str:
    first = begin_build(settings, connection, terms)
    mark_published(settings, connection, terms)
    mark_finished(settings, connection, terms, NOW)
    return first


@pytest.fixture
def connection(settings):
    """A warehouse in which three terms were run and built."""
    with warehouse(settings) as connection:
        receive(connection, *TERMS)
        build(settings, connection, TERMS)
        yield connection


def test_a_build_begins_with_the_first_term_of_its_run(settings, connection):
    receive(connection, "2025-26-spring")
    assert build(settings, connection, ["2025-26-spring"]) == "2025-26-spring"
    assert connection.sql("FROM ledger.build").fetchall() == [("2025-26-spring",)]


def test_a_term_that_is_run_alone_though_an_earlier_one_changed_is_built_from_the_earlier_one(settings, connection):
    receive(connection, "2024-25-summer")
    assert build(settings, connection, ["2025-26-spring"]) == "2024-25-summer"
    # the earlier term's files wait for its own run, and so for another build
    assert build(settings, connection, ["2025-26-spring"]) == "2024-25-summer"
    assert build(settings, connection, ["2024-25-summer", "2025-26-autumn"]) == "2024-25-summer"
    assert build(settings, connection, ["2025-26-spring"]) == "2025-26-spring"


def test_after_a_killed_build_the_next_begins_as_early_though_its_cause_is_gone(settings, connection):
    receive(connection, "2025-26-autumn")
    begin_build(settings, connection, ["2025-26-autumn", "2025-26-spring"])
    connection.execute("DELETE FROM ledger.files WHERE file_id = 'file 3'")
    assert build(settings, connection, ["2025-26-spring"]) == "2025-26-autumn"
    assert build(settings, connection, ["2025-26-spring"]) == "2025-26-spring"


def list_pupil(connection, term: str, upn: str, former_upn: str | None = None) -> None:
    connection.execute(
        "INSERT INTO raw.pupils (return_id, return_term, row_number, upn, former_upn) VALUES ('r1', ?, 2, ?, ?)",
        [term, upn, former_upn],
    )


def test_when_two_children_turn_out_to_be_one_the_terms_that_knew_both_are_built(settings, connection):
    connection.execute("INSERT INTO ledger.returns (return_id, state) VALUES ('r1', 'current')")
    list_pupil(connection, "2024-25-summer", "OLD")
    list_pupil(connection, "2025-26-autumn", "NEW")
    write_pupil_keys(settings, connection)
    assert build(settings, connection, ["2025-26-spring"]) == "2025-26-spring"
    list_pupil(connection, "2025-26-spring", "NEW", former_upn="OLD")
    write_pupil_keys(settings, connection)
    assert build(settings, connection, ["2025-26-spring"]) == "2025-26-autumn"


@pytest.mark.parametrize(
    ("known_from", "first"),
    [
        ("reference.census_pupils (upn, census_term) VALUES ('NEW', '2025-26-spring')", "2025-26-spring"),
        ("reference.ehc_plans (upn) VALUES ('NEW')", "2024-25-summer"),
        # looked after, and not found so as long as the school had the former UPN
        ("reference.pupil_context (upn) VALUES ('NEW')", "2025-26-autumn"),
    ],
)
def test_a_upn_that_the_la_had_before_the_school_is_another_childs_until_then(settings, connection, known_from, first):
    connection.execute("INSERT INTO ledger.returns (return_id, state) VALUES ('r1', 'current')")
    list_pupil(connection, "2025-26-autumn", "OLD")
    connection.execute(f"INSERT INTO {known_from}")
    write_pupil_keys(settings, connection)
    build(settings, connection, TERMS)
    list_pupil(connection, "2025-26-spring", "NEW", former_upn="OLD")
    write_pupil_keys(settings, connection)
    assert build(settings, connection, ["2025-26-spring"]) == first
