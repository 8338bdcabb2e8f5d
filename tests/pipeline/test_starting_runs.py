"""What starts a run, and over which terms: the sensor, the schedule, the terms with something new."""

import csv
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from typer.testing import CliRunner

from pipelines.casework import decide
from pipelines.changed_terms import changed_ranges, mark_finished
from pipelines.cli import app
from pipelines.resources import ON_TAG
from pipelines.runs import (
    BY_HAND_TAG,
    end_dead_runs,
    files_arrived,
    nightly_while_window_open,
    open_windows,
    prepare_dagster_home,
    range_tags,
)
from pipelines.settings import SEEDS_DIR, get_settings
from pipelines.warehouse import warehouse

NOW = datetime(2026, 7, 22, 2, 0)


def receive(connection, *terms: str) -> None:
    """A return of each term, as the pull would have written it down."""
    for term in terms:
        number = connection.sql("SELECT count(*) FROM ledger.files").fetchone()[0]
        connection.execute("INSERT INTO ledger.files (file_id, term) VALUES (?, ?)", [f"f{number}", term])
        connection.execute("INSERT INTO ledger.returns (return_id, term) VALUES (?, ?)", [f"f{number}", term])


@pytest.fixture
def connection(settings):
    with warehouse(settings) as connection:
        yield connection


def test_terms_with_something_new_are_run_as_contiguous_ranges(settings, connection):
    receive(connection, "2025-26-summer", "2024-25-autumn", "2025-26-spring", "2024-25-autumn")
    assert changed_ranges(settings, connection) == [["2024-25-autumn"], ["2025-26-spring", "2025-26-summer"]]


def test_a_release_of_dfes_runs_the_newest_term_alone_for_no_figure_comes_from_it(settings, connection):
    receive(connection, "2025-26-autumn", "2025-26-spring")
    mark_finished(settings, connection, ["2025-26-autumn", "2025-26-spring"], NOW)
    file = "INSERT INTO ledger.reference_files (path, kind, sha256, state) VALUES (?, ?, 'new', 'current')"
    connection.execute(file, ["ees/release.zip", "ees"])
    assert changed_ranges(settings, connection) == [["2025-26-spring"]]
    connection.execute(file, ["census/2026_spring_pupilonroll.csv", "census"])
    assert changed_ranges(settings, connection) == [["2025-26-autumn", "2025-26-spring"]]


def test_a_finished_term_is_not_run_again_until_a_return_of_it_arrives(settings, connection):
    receive(connection, "2025-26-autumn", "2025-26-spring")
    mark_finished(settings, connection, ["2025-26-autumn", "2025-26-spring"], NOW)
    assert changed_ranges(settings, connection) == []
    receive(connection, "2025-26-spring")
    assert changed_ranges(settings, connection) == [["2025-26-spring"]]


def test_a_resubmission_is_something_new_for_the_next_term_as_well_for_its_rules_look_back_on_it(settings, connection):
    received = ["2024-25-summer", "2025-26-autumn", "2025-26-spring", "2025-26-summer"]
    receive(connection, *received)
    mark_finished(settings, connection, received, NOW)
    receive(connection, "2025-26-autumn")
    assert changed_ranges(settings, connection) == [["2025-26-autumn", "2025-26-spring"]]


def test_a_decision_is_something_new_for_every_term_in_which_its_fact_was_found(settings, connection):
    terms = ["2024-25-autumn", "2025-26-autumn", "2025-26-spring"]
    receive(connection, *terms)
    for term in terms[1:]:
        connection.execute("INSERT INTO quality.issue_lives (fact_id, urn, term) VALUES ('f', '100001', ?)", [term])
    connection.execute(
        "INSERT INTO quality.explanations (explanation_id, fact_id, urn, term) VALUES ('e', 'f', '100001', ?)",
        [terms[1]],
    )
    mark_finished(settings, connection, terms, NOW)
    decide(settings, "e", "accepted", by="Ann")
    assert changed_ranges(settings, connection) == [terms[1:]]

    # a run that was under way when it was decided has not taken it in
    mark_finished(settings, connection, terms, NOW)
    assert changed_ranges(settings, connection) == [terms[1:]]
    connection.execute("UPDATE quality.explanations SET decision = 'accepted'")
    mark_finished(settings, connection, terms, NOW)
    assert changed_ranges(settings, connection) == []


def test_a_file_that_came_twice_is_something_new_though_no_return(settings, connection):
    receive(connection, "2025-26-autumn")
    mark_finished(settings, connection, ["2025-26-autumn"], NOW)
    connection.execute(
        "INSERT INTO ledger.files (file_id, term, state) VALUES ('again', '2025-26-autumn', 'duplicate')"
    )
    assert changed_ranges(settings, connection) == [["2025-26-autumn"]]
    mark_finished(settings, connection, ["2025-26-autumn"], NOW)
    assert changed_ranges(settings, connection) == []


def test_a_released_return_and_a_changed_calendar_are_something_new(settings, connection):
    receive(connection, "2025-26-autumn")
    mark_finished(settings, connection, ["2025-26-autumn"], NOW)
    connection.execute("UPDATE ledger.files SET released_at = TIMESTAMP '2026-07-22'")
    assert changed_ranges(settings, connection) == [["2025-26-autumn"]]
    mark_finished(settings, connection, ["2025-26-autumn"], NOW)
    settings.reference_dir.mkdir(parents=True)
    rows = (SEEDS_DIR / "calendar.csv").read_text().replace("2025-12-05,2025-12-05", "2025-12-04,2025-12-05")
    (settings.reference_dir / "calendar.csv").write_text(rows)
    assert changed_ranges(settings, connection) == [["2025-26-autumn"]]


@pytest.mark.parametrize(
    "arrival",
    [
        "INSERT INTO quality.issues (file_name, rule_code) VALUES ('return.xlsx', 'FIL07')",
        "INSERT INTO ledger.reference_files (path, state, fault) VALUES ('ehc_plans.csv', 'broken', 'has no column urn')",
    ],
)
def test_what_is_of_no_term_is_published_with_the_newest_though_no_term_has_anything_new(settings, connection, arrival):
    receive(connection, "2025-26-autumn", "2025-26-spring")
    mark_finished(settings, connection, ["2025-26-autumn", "2025-26-spring"], NOW)
    connection.execute(arrival)
    assert changed_ranges(settings, connection) == [["2025-26-spring"]]
    mark_finished(settings, connection, ["2025-26-spring"], NOW)
    assert changed_ranges(settings, connection) == []


def test_a_range_is_said_in_dagsters_own_tags():
    tags = range_tags(["2025-26-autumn", "2025-26-spring"], date(2026, 3, 20))
    assert tags == {
        "dagster/asset_partition_range_start": "2025-26-autumn",
        "dagster/asset_partition_range_end": "2025-26-spring",
        ON_TAG: "2026-03-20",
    }


def test_the_sensor_asks_for_a_pull_once_per_arrival(settings, monkeypatch):
    monkeypatch.setenv("SEN_SETTLING_SECONDS", "0")
    get_settings.cache_clear()
    sensor = files_arrived(dg.define_asset_job("pull"))
    landing = settings.data_dir / "landing"
    landing.mkdir(parents=True)

    def asked(cursor):
        context = dg.build_sensor_context(cursor=cursor)
        result = sensor(context)
        return result, context.cursor

    _, cursor = asked(None)
    nothing, cursor = asked(cursor)
    assert isinstance(nothing, dg.SkipReason)
    (landing / "8012001_2025-26_autumn_01.xlsx").write_bytes(b"something")
    arrived, cursor = asked(cursor)
    assert isinstance(arrived, dg.RunRequest)
    nothing, _ = asked(cursor)
    assert isinstance(nothing, dg.SkipReason)
    settings.reference_dir.mkdir()
    (settings.reference_dir / "ehc_plans.csv").write_text("upn\n")
    arrived, _ = asked(cursor)
    assert isinstance(arrived, dg.RunRequest), "the LA's own files are arrivals too"


def left_running(instance: dg.DagsterInstance, **tags: str) -> str:
    """The id of a run that a killed process left behind."""
    return instance.add_run(dg.DagsterRun("term", status=dg.DagsterRunStatus.STARTED, tags=tags)).run_id


def test_what_a_killed_daemon_was_at_holds_up_no_run_and_is_gone_on_with(settings, monkeypatch):
    prepare_dagster_home(settings)
    sensor = files_arrived(dg.define_asset_job("pull"))
    before = dg.build_sensor_context(cursor=None)
    sensor(before)
    with dg.DagsterInstance.get() as instance:
        run_id = left_running(instance)
    monkeypatch.setattr("pipelines.cli.subprocess.call", lambda _command: 0)

    assert CliRunner().invoke(app, ["dagster"]).exit_code == 0

    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
    assert isinstance(sensor(dg.build_sensor_context(cursor=before.cursor)), dg.RunRequest)


def test_a_killed_run_of_the_command_line_is_told_from_one_of_the_daemon_that_may_be_alive(settings):
    prepare_dagster_home(settings)
    with dg.DagsterInstance.get() as instance:
        by_hand, by_daemon = left_running(instance, **{BY_HAND_TAG: "yes"}), left_running(instance)
        assert end_dead_runs(instance, {BY_HAND_TAG: "yes"}) == 1
        assert instance.get_run_by_id(by_hand).status == dg.DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(by_daemon).status == dg.DagsterRunStatus.STARTED


def test_a_released_return_is_run_though_no_file_arrives(settings, connection):
    connection.execute(
        "INSERT INTO ledger.files (file_id, path, file_name, term, state) VALUES ('f', 'a.xlsx', 'a.xlsx', '2025-26-autumn', 'held')"
    )
    connection.close()
    sensor = files_arrived(dg.define_asset_job("pull"))
    before = dg.build_sensor_context(cursor=None)
    sensor(before)

    assert CliRunner().invoke(app, ["release", "a.xlsx"]).exit_code == 0

    assert isinstance(sensor(dg.build_sensor_context(cursor=before.cursor)), dg.RunRequest)


@pytest.mark.parametrize(
    ("day", "is_run"),
    [
        ("2025-12-04", False),  # the day before the window of autumn 2025-26 opens
        ("2025-12-05", True),  # it opens
        ("2025-12-19", True),  # the deadline
        ("2025-12-20", True),  # the night after the deadline's day: what came on it
        ("2025-12-21", False),
    ],
)
def test_the_schedule_runs_nightly_while_a_window_is_open_and_on_its_deadline(settings, day, is_run):
    schedule = nightly_while_window_open(dg.define_asset_job("pull"))
    at = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    found = schedule(dg.build_schedule_context(scheduled_execution_time=at))
    assert isinstance(found, dg.RunRequest if is_run else dg.SkipReason)
    assert bool(open_windows(settings, date.fromisoformat(day))) == is_run


def test_every_term_of_the_calendar_has_its_window_open_on_its_deadline(settings):
    with (SEEDS_DIR / "calendar.csv").open() as lines:
        for row in csv.DictReader(lines):
            assert row["term"] in open_windows(settings, date.fromisoformat(row["deadline"]))
