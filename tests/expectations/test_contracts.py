"""Versions of the return: a later one is its differences on the one before, and a file is read as its own."""

import polars as pl
import pytest

from expectations.contracts import accepted_versions, code_list, load_contract
from expectations.suites import all_rules, fault_sentences
from pipelines.reading.typed import type_rows

NEW_CODE = "MENTAL_HEALTH_SUPPORT_TEAM"


def test_a_later_version_has_all_of_the_one_before_and_its_differences():
    first, second = load_contract("1.0"), load_contract("1.1")
    assert list(second.tables) == list(first.tables)
    new = {
        (table.name, name)
        for table in second.tables.values()
        for name in table.fields.keys() - first.tables[table.name].fields.keys()
    }
    assert new == {("specialists", "parents_agreed")}
    changed = {
        (table.name, f.name)
        for table in first.tables.values()
        for f in table.fields.values()
        if second.tables[table.name].fields[f.name] != f
    }
    assert changed == {("specialists", "service")}


def test_an_academic_year_accepts_one_version():
    assert accepted_versions()["2025-26"] == ("1.0",)
    assert accepted_versions()["2026-27"] == ("1.1",)


def test_a_code_of_a_later_version_is_none_of_the_versions_before():
    assert NEW_CODE not in code_list("service", "1.0")
    assert NEW_CODE in code_list("service", "1.1")
    assert list(code_list("service")) == list(code_list("service", "1.1")), "without a version all of them"


@pytest.mark.parametrize(("version", "fault"), [("1.0", "not_in_list"), ("1.1", None)])
def test_a_cell_is_held_against_the_codes_of_its_files_version(version, fault):
    table = load_contract(version).tables["specialists"]
    cells = dict.fromkeys(table.fields) | {"service": NEW_CODE.lower()}
    rows = pl.DataFrame([{"row_number": 2, "surplus": None, **cells}], schema_overrides=dict.fromkeys(cells, pl.String))
    typed = type_rows(rows, table, pl.lit("2026-12-04").str.to_date())
    assert typed["service__fault"].to_list() == [fault]


def test_the_remedy_says_which_codes_are_of_a_later_version_only():
    service = load_contract("1.1").tables["specialists"].fields["service"]
    remedy = fault_sentences("type", service)["not_in_list"].remedy
    assert f"{NEW_CODE} (specification 1.1), OTHER" in remedy


def test_rules_that_read_a_later_versions_field_are_none_of_the_versions_before():
    of_first, of_second = ({rule.code for rule in all_rules(version)} for version in ("1.0", "1.1"))
    assert of_second - of_first == {"SPE08", "SPE.parents_agreed.code"}
    assert of_first <= of_second
