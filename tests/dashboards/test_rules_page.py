"""The catalogue of rules: the page, the command and the CSV show every rule of the code, and what is asked of them."""

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from expectations.catalogue import COLUMNS, as_csv, catalogue, in_words
from expectations.suites import all_rules
from pipelines.cli import app
from tests.dashboards.test_pages import on_loopback, open_page, text_of, tile

__all__ = ["on_loopback"]


def test_the_page_counts_every_rule(published):
    page = open_page("rules")
    rules = all_rules()
    assert f" {len(rules)} " in tile(page, "Rules")
    assert f" {sum(rule.severity == 'query' for rule in rules)} " in tile(page, "Queries")
    assert list(page.dataframe[0].value["Rule"]) == [rule.code for rule in rules]


def test_severity_table_and_search_choose_rules(published):
    page = open_page("rules")
    page.multiselect(key="rules_severity").set_value(["query"]).run()
    assert set(page.dataframe[0].value["Severity"]) == {"Query"}
    page.multiselect(key="rules_table").set_value(["Reviews held"]).run()
    said = text_of(page)
    assert "RVW04" in said
    assert "RVW01" not in said
    page.text_input(key="rules_search").set_value("SPECIALIST").run()
    said = text_of(page)
    assert "RVW06" in said
    assert "RVW04" not in said
    # few enough to be read in full: the sentence, what to do, and an example each way
    assert "Add the referral." in said
    assert "referred_date 2024-11-17" in said
    assert "referred_date 2024-11-18" in said


def test_a_search_that_finds_nothing_says_so(published):
    page = open_page("rules")
    page.text_input(key="rules_search").set_value("zebra").run()
    assert "No rule is like that." in text_of(page)


def test_the_catalogue_has_every_rule_with_all_that_a_school_needs():
    entries = catalogue()
    assert [entry["code"] for entry in entries] == [rule.code for rule in all_rules()]
    blank = {(entry["code"], name) for entry in entries for name in COLUMNS if name != "field" and not entry[name]}
    assert blank == set()
    assert not [entry["code"] for entry in entries if "{" in entry["says"] + entry["remedy"]]


def test_an_example_is_said_in_words():
    assert in_words({"sen_provision": "E", "upn": None}) == "sen_provision E, upn blank"
    assert in_words({"pupils": [{}, {"sex": "F"}], "plans": []}) == "pupils: a row and sex F; plans: none"
    assert in_words({"last": {"pupils": {"rows": 12}}, "pupils": {"rows": 6, "first": {"sex": "M"}}}) == (
        "last term (pupils: 12 rows); pupils: 6 rows, the first with sex M"
    )


def test_the_command_lists_the_rules_of_a_table_and_severity():
    said = CliRunner().invoke(app, ["rules", "--table", "plans", "--severity", "error"])
    assert said.exit_code == 0
    assert "PLA02  error" in said.output
    assert "PUP01" not in said.output


def test_the_command_gives_the_same_rules_as_json_and_as_csv(tmp_path):
    as_json = json.loads(CliRunner().invoke(app, ["rules", "--json"]).output)
    assert as_json == catalogue()
    written = tmp_path / "rules.csv"
    assert CliRunner().invoke(app, ["rules", "--csv", str(written)]).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(written.read_text(encoding="utf-8"))))
    assert [row["code"] for row in rows] == [entry["code"] for entry in as_json]
    assert written.read_text(encoding="utf-8") == as_csv(as_json)


@pytest.mark.parametrize("asked", [["--table", "nothing"], ["--severity", "warning"]])
def test_the_command_says_which_tables_there_are_where_there_is_no_such_rule(asked):
    said = CliRunner().invoke(app, ["rules", *asked])
    assert said.exit_code == 2
    assert "pupils" in said.output + (said.stderr or "")
