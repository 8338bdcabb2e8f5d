import json
from datetime import date

import pytest
from typer.testing import CliRunner

from pipelines.casework import add_note
from pipelines.cli import app
from pipelines.publishing.status import describe, find_status
from tests.dashboards import synthetic


@pytest.fixture
def published(settings):
    synthetic.write_snapshot(settings)
    return settings


def test_before_the_first_snapshot_status_says_what_to_do(settings):
    assert "sen run" in describe(find_status(settings, date(2026, 7, 22)))


def test_status_counts_returns_by_status_and_names_who_is_outstanding(published):
    found = find_status(published, date(2026, 7, 22))
    newest = found["terms"][-1]
    # the synthetic LA: of 12 schools, 11 sends nothing and 10's return is rejected in the last term
    assert (newest["term"], newest["missing"], newest["rejected"]) == ("2025-26-summer", 1, 1)
    assert sum(newest[s] for s in ("accepted", "queried", "accepted_with_errors", "rejected", "missing")) == 12
    assert len(newest["outstanding"]) == 2
    said = describe(found)
    assert all(name in said for name in newest["outstanding"])
    assert "ehc_plans.csv: Row 7" in said


def test_status_says_which_window_is_open(published):
    assert find_status(published, date(2026, 7, 10))["window_open"] == "2025-26-summer"
    assert find_status(published, date(2026, 8, 10))["window_open"] is None


def test_after_the_deadline_status_says_whom_to_ring_those_nobody_spoke_to_first(published):
    # of the last term school 11 sent nothing, and school 10's return was rejected; the deadline was 21 July 2026
    add_note(published, "100010", who="Bob", agreed="Comes on Friday", on_date=date(2026, 7, 23))

    found = find_status(published, date(2026, 7, 26))

    assert [(row["urn"], row["status"], row["days_past"], row["agreed"]) for row in found["to_ring"]] == [
        ("100011", "missing", 5, None),
        ("100010", "rejected", 5, "Comes on Friday"),
    ]
    said = describe(found)
    assert "To ring for 2025-26-summer, 5 days past the deadline:" in said
    assert "no contact is known" in said
    assert "last contact 2026-07-23, Bob: Comes on Friday" in said


def test_on_the_day_of_the_deadline_nobody_is_to_be_rung_for_the_term(published):
    # of the term before, whose deadline is long past, school 11 is missing
    found = find_status(published, date(2026, 7, 21))

    assert found["deadline_passed"] == "2025-26-spring"
    assert [row["urn"] for row in found["to_ring"]] == ["100011"]


def test_status_as_json_names_the_snapshot_that_can_be_opened(published):
    result = CliRunner().invoke(app, ["status", "--json", "--data-dir", str(published.data_dir)])
    assert result.exit_code == 0, result.output
    assert (published.data_dir / "published" / json.loads(result.output)["snapshot"]).is_file()
