"""Every fault that the demo planted is found at its row and field, and on clean returns nothing is found."""

from datetime import datetime

import polars as pl
import pytest

from expectations.suites import all_rules
from pipelines.checking import check_terms, check_unplaced, missing_rule_runs, rules_that_did_not_run, unbalanced
from pipelines.demo.synthetic_la import make_la
from pipelines.landing import pull
from pipelines.reading.returns import read_returns
from pipelines.reference import pull_reference
from pipelines.warehouse import warehouse

AT = datetime(2026, 7, 22, 2, 0)
PLACE = ["file", "table", "row_number", "field", "rule_code"]
# A return that leaves its specification blank is refused before its cells are looked at (FIL11); nobody is refused a
# file when the tests run as root (FIL16); the demo's schools explain nothing.
NOT_PLANTABLE = {"RET.specification.required", "FIL16", "XPL01", "XPL02", "XPL03"}


def run_the_pipeline_as_far_as_the_issues(settings, terms):
    with warehouse(settings) as connection:
        pull_reference(settings, connection, AT)
        pull(settings, connection, AT)
        read_returns(settings, connection, terms)
        check_unplaced(settings, connection)
        check_terms(settings, connection, terms)
        assert not unbalanced(connection, terms)
        assert not missing_rule_runs(settings, connection, terms)
        assert not rules_that_did_not_run(connection, terms)
        return connection.sql("""
            SELECT file_name AS file, table_name AS "table", row_number, field, rule_code FROM quality.issues
        """).pl()


@pytest.fixture
def settled(settings):
    return settings.model_copy(update={"settling_seconds": 0})


def test_every_planted_fault_is_found_at_its_row_and_field_and_nothing_else_is(settled):
    made = make_la(settled, schools=12, terms=3)
    planted = pl.read_csv(made.planted_faults, infer_schema=False).with_columns(pl.col("row_number").cast(pl.Int32))
    found = run_the_pipeline_as_far_as_the_issues(settled, list(made.terms))
    not_found = planted.join(found, on=PLACE, how="anti", nulls_equal=True)
    not_planted = found.join(planted, on=PLACE, how="anti", nulls_equal=True)
    assert not_found.rows() == []
    assert not_planted.rows() == []
    assert {rule.code for rule in all_rules("1.0")} - set(planted["rule_code"]) <= NOT_PLANTABLE


def test_on_clean_returns_nothing_is_found(settled):
    made = make_la(settled, schools=9, terms=2, dirty=False, seed=7)
    found = run_the_pipeline_as_far_as_the_issues(settled, list(made.terms))
    assert found.rows() == []
