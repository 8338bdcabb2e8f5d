"""Schools are asked for nothing that nobody reads: every field is read by a rule beyond its format, or by an indicator."""

import inspect
import re
from functools import cache

import pytest

from expectations.contracts import known_versions, load_contract
from expectations.suites import all_rules, columns_read
from pipelines.landing import placing
from tests.dbt_project.test_layers import MODELS, layer, read_by

CONTRACT = load_contract(known_versions()[-1])
FIELDS = [(table.name, field) for table in CONTRACT.tables.values() for field in table.fields]
STAGED_AS = {"return": "stg_returns"}
# figures without units are made in one model
MEASURED = "int_measured_figures"
# they say whose return it is, of which term, in which shape: read at the door, before any rule of a row
PLACED_BY = {("return", field) for field in ("laestab", "urn", "academic_year", "term", "specification")}
# who in the school answers for the return: kept beside it for whoever asks, and nothing is made of it
KEPT_ALONE = {("return", "authorised_by_role")}


@cache
def by_rules() -> set[tuple[str, str]]:
    """(table, field) that a written rule names or tests; what a type, a date's window or a blank says is its format."""
    rules = [rule for rule in all_rules() if not rule.generated]
    return {(rule.table, field) for rule in rules for field in {*rule.fields, *columns_read(rule)}}


@cache
def feeding_indicators() -> set[str]:
    """Every model that an indicator is made of, and the indicators."""
    found: set[str] = set()
    waiting = {name for name, path in MODELS.items() if layer(path) == "indicators"} | {MEASURED}
    while waiting:
        found |= waiting
        waiting = {read for name in waiting for read in read_by(MODELS[name])} & set(MODELS) - found
    return found


@cache
def made_from(staged: str) -> set[str]:
    """Every model that reads a staging model, by whatever way."""
    found, grows = {staged}, True
    while grows:
        more = {name for name in MODELS if read_by(MODELS[name]) & found} - found
        found, grows = found | more, bool(more)
    return found - {staged}


def uses(sql: str, field: str) -> bool:
    """Whether a model does anything with a column but hand it on."""
    handed_on = re.compile(rf"\s*(\w+\.)?{field},?\s*")
    lines = re.sub(r"--.*", "", sql).splitlines()
    return any(re.search(rf"\b{field}\b", line) and not handed_on.fullmatch(line) for line in lines)


def indicators_use(table: str, field: str) -> bool:
    staged = STAGED_AS.get(table, f"stg_{table}")
    return any(
        uses(MODELS[name].read_text(encoding="utf-8"), field) for name in made_from(staged) & feeding_indicators()
    )


@pytest.mark.parametrize(("table", "field"), [at for at in FIELDS if at not in PLACED_BY | KEPT_ALONE])
def test_a_field_is_read_by_a_rule_beyond_its_format_or_by_an_indicator(table, field):
    assert (table, field) in by_rules() or indicators_use(table, field), f"nobody reads {table}.{field}"


@pytest.mark.parametrize(("table", "field"), sorted(PLACED_BY))
def test_what_places_a_return_is_read_where_returns_are_placed(table, field):
    assert (table, field) in FIELDS
    assert f'"{field}"' in inspect.getsource(placing)


@pytest.mark.parametrize(("table", "field"), sorted(KEPT_ALONE))
def test_what_is_kept_alone_is_indeed_read_by_nobody(table, field):
    assert (table, field) not in by_rules()
    assert not indicators_use(table, field)


def test_a_field_that_is_only_handed_on_is_found():
    assert not uses("select\n    plans.invented,\n    invented\nfrom plans -- invented", "invented")
    assert uses("select\n    plans.invented = 'Y' as is_met\nfrom plans", "invented")
