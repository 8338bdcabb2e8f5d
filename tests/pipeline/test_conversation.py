"""`sen explanations` and `sen note`: what waits, what was decided, what was agreed with a school."""

import json

import pytest
from typer.testing import CliRunner

from pipelines import cli
from pipelines.casework import decisions, notes
from tests.dashboards import synthetic

WAITING = f"{0:016x}"


@pytest.fixture
def published(settings):
    synthetic.write_snapshot(settings)
    return settings


def sen(*arguments: str):
    return CliRunner().invoke(cli.app, arguments)


def test_what_waits_is_listed_for_a_person_and_for_a_program(published):
    said = sen("explanations").stdout
    assert "1 waiting" in said
    assert "A pupil on the register has no SEN support plan." in said
    assert "Explanation 0: <new> this week." in said

    [row] = json.loads(sen("explanations", "--json").stdout)
    assert (row["id"], row["rule_code"], row["still_raised"]) == (WAITING, "PUP16", True)


def test_an_explanation_is_accepted_by_its_id_or_the_beginning_of_it_and_no_longer_waits(published):
    result = sen("explanations", "--accept", WAITING[:15] + "0", "--by", "Ann", "--note", "Seen")
    assert result.exit_code == 0
    assert result.stdout.startswith("Accepted: ")
    assert decisions(published).select("explanation_id", "decision", "by", "note").rows() == [
        (WAITING, "accepted", "Ann", "Seen")
    ]
    assert sen("explanations").stdout == "No explanation is waiting.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--refuse", WAITING], "Say why it is refused"),
        (["--accept", "ffff"], "No explanation has an id that begins with ffff"),
        (["--accept", "0000"], "Several explanations"),
        (["--accept", WAITING, "--refuse", WAITING], "not both"),
    ],
)
def test_what_cannot_be_decided_is_said_and_nothing_is_written(published, arguments, says):
    result = sen("explanations", *arguments)
    assert result.exit_code != 0
    assert says in result.output
    assert decisions(published).is_empty()


def test_a_note_is_kept_for_a_school_that_is_known_and_listed(published):
    kept = sen(
        "note",
        "--school",
        "100001",
        "--who",
        "Ann",
        "--about",
        "the return",
        "--agreed",
        "Friday",
        "--on",
        "2026-07-20",
    )
    assert kept.exit_code == 0
    assert notes(published).select("urn", "who", "about", "agreed").rows() == [
        ("100001", "Ann", "the return", "Friday")
    ]
    assert sen("note").stdout == "2026-07-20  100001  Ann: the return: Friday\n"
    assert sen("note", "--school", "999999", "--agreed", "Friday").exit_code == 1
    assert len(notes(published)) == 1


def test_before_anything_is_published_it_says_so(settings):
    result = sen("explanations", "--data-dir", str(settings.data_dir))
    assert result.exit_code == 1
    assert "Nothing has been published" in result.output
