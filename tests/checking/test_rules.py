"""Every rule by the two examples that stand beside it: the one breaks it, the other does not. Through the whole check."""

from datetime import timedelta
from typing import Any

import pytest

from expectations.suites import SHEETLESS, Rule, all_rules, fault_kinds
from pipelines.checking import check_unplaced, missing_rule_runs, rules_that_did_not_run, unbalanced
from tests.checking.received import (
    AUTUMN,
    CONTRACT,
    PULLED,
    SPRING,
    Received,
    check,
    issues,
    open_warehouse,
    put_la_data,
    receive,
    upn,
)

RULES = all_rules()
WRITTEN = [rule for rule in RULES if not rule.generated]
GENERATED = [rule for rule in RULES if rule.generated]


def tables_of(rule: Rule, example: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """An example of a rule about rows as tables; one row of the rule's own table where no table is named."""
    if not any(isinstance(value, list | dict) and name in CONTRACT.tables for name, value in example.items()):
        return {rule.table: [{name: value for name, value in example.items() if name != "school"}]}
    return {table: rows if isinstance(rows, list) else _many(rows) for table, rows in example.items()}


def _many(rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"upn": upn(1001 + n), **(rows.get("first", {}) if n == 0 else {})} for n in range(rows["rows"])]


def received_of(rule: Rule, example: dict[str, Any], urn: str) -> list[Received]:
    """What is received where the example arises."""
    if rule.table == "files":
        return _files(example, urn)
    if rule.table == "sheets":
        term = example.get("term", AUTUMN)
        cells = {name: value for name, value in example.items() if name != "term"}
        return [Received(urn=urn, term=term, sheets=[cells])]
    if rule.table == "columns":
        return [Received(urn=urn, columns=[example])]
    if "elsewhere" in example:
        other = example.pop("elsewhere")
        beside = Received(urn=f"9{urn[1:]}", tables=tables_of(rule, other))
        return [beside, Received(urn=urn, tables=tables_of(rule, example))]
    example.pop("la", None)
    if "last" in example:
        last = example.pop("last")
        tables = tables_of(rule, example)
        return [Received(urn=urn, tables=tables_of(rule, last)), Received(urn=urn, term=SPRING, tables=tables)]
    if rule.table == "explanations":
        return [Received(urn=urn, explanations=[example])]
    return [Received(urn=urn, tables=tables_of(rule, example), school=example.get("school", {}))]


def _files(example: dict[str, Any], urn: str) -> list[Received]:
    about = dict(example)
    school, rows, earlier = about.pop("school", {}), about.pop("rows", {}), about.pop("earlier", None)
    files = []
    if earlier is not None:
        files.append(
            Received(
                urn=urn,
                tables=_rows(earlier.get("rows", {})),
                file={"received_at": PULLED - timedelta(days=1), "serial": 1},
            )
        )
        files[0].file_id = f"{urn}-earlier"
        if about.get("state") == "duplicate":
            about["duplicate_of"] = files[0].file_id
    if about.get("state") == "unplaced" and school:
        about |= {"inside_urn": urn, "inside_laestab": f"801{int(urn) % 10000:04d}"}
    return [*files, Received(urn=urn, tables=_rows(rows), school=school, file={"serial": 2, **about})]


def _rows(counts: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    return {table: [{"upn": upn(1001 + n)} for n in range(count)] for table, count in counts.items()}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """(rule code, breaks or holds) -> the codes that were found in what was received for it, in one check of everything."""
    from pipelines.settings import Settings

    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"))
    sent = {}
    with open_warehouse() as connection:
        everything = []
        for number, rule in enumerate(WRITTEN):
            for which, example in (("breaks", rule.breaks), ("holds", rule.holds)):
                urn = str(200000 + 2 * number + (which == "holds"))
                files = received_of(rule, dict(example), urn)
                sent[rule.code, which] = files[-1]
                everything += files
        for number, rule in enumerate(GENERATED):
            for which, row in (("breaks", rule.breaks), ("holds", rule.holds)):
                urn = str(300000 + 2 * number + (which == "holds"))
                sent[rule.code, which] = Received(urn=urn, tables={rule.table: [row]})
                everything.append(sent[rule.code, which])
        receive(connection, *everything)
        for rule in WRITTEN:
            for which, example in (("breaks", rule.breaks), ("holds", rule.holds)):
                put_la_data(connection, example.get("la", {}), sent[rule.code, which].urn)
        check(settings, connection, AUTUMN, SPRING)
        check_unplaced(settings, connection)
        assert unbalanced(connection, [AUTUMN, SPRING]) == []
        assert missing_rule_runs(settings, connection, [AUTUMN, SPRING]) == []
        assert rules_that_did_not_run(connection, [AUTUMN, SPRING]) == []
        by_file: dict[str, set[str]] = {}
        for file_id, code, *_ in issues(connection):
            by_file.setdefault(file_id, set()).add(code)
    return {key: by_file.get(one.file_id, set()) for key, one in sent.items()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_broken_by_what_breaks_it_and_not_by_what_holds(found, rule):
    assert rule.code in found[rule.code, "breaks"]
    assert rule.code not in found[rule.code, "holds"]


def test_no_rule_lacks_its_examples():
    assert [rule.code for rule in RULES if rule.breaks is None or rule.holds is None] == []


def test_every_fault_that_reading_can_find_is_reported_by_a_rule():
    own = {"legacy_code": "PUP09", "differs": "COL04"}
    assert {fault for fault, kind in fault_kinds().items() if kind is None} == set(own)
    assert set(own.values()) <= {rule.code for rule in RULES}


def test_what_holds_a_rule_about_rows_raises_no_error(found):
    held = {rule.code: found[rule.code, "holds"] for rule in WRITTEN if rule.table not in SHEETLESS}
    errors = {rule.code for rule in RULES if rule.severity == "error"}
    assert {code: sorted(others & errors) for code, others in held.items() if others & errors} == {}
