"""Rules as they are written: what is refused, what schools read, and how many there are."""

import re
from collections import Counter

import polars as pl
import pytest

from expectations.contracts import load_contract
from expectations.suites import (
    SHEETLESS,
    Rule,
    RuleError,
    all_rules,
    check_types,
    columns_read,
    fault_sentences,
    generated_rules,
    row_condition,
    written_rule,
)

RULES = all_rules()
SCHEMA = {"upn": pl.String, "plans": pl.Int64, "nil_return": pl.Boolean, "a": pl.Date, "b": pl.Date}


def rule(**expect: object) -> Rule:
    return Rule("TST01", "error", "pupils", ("upn",), "Wrong.", "Put it right.", expect)


def entry(**over: object) -> dict[str, object]:
    usual = {"code": "TST01", "severity": "error", "fields": ["upn"], "says": "Wrong.", "remedy": "Put it right."}
    return usual | {"expect": {"type": "expect_column_values_to_be_null", "column": "upn"}} | over


def test_every_rule_of_the_return_is_there_once():
    written = Counter(rule.table for rule in RULES if not rule.generated)
    assert written == {
        "files": 16, "sheets": 7, "columns": 4, "return": 9, "arrangements": 3, "pupils": 29, "plans": 5, "reviews": 6,
        "specialists": 8, "consultations": 3, "placements": 4, "expected": 5, "explanations": 3,
    }  # fmt: skip
    # 87 fields with a type each, 47 of them required, 35 dates with a window, and surplus cells of 8 tables
    assert Counter(
        rule.code.rsplit(".", 1)[-1] in ("required", "window", "surplus") for rule in RULES if rule.generated
    ) == {
        False: 87,
        True: 47 + 35 + 8,
    }
    assert len({rule.code for rule in RULES}) == len(RULES)


def test_a_required_field_a_date_and_a_row_give_their_rules():
    codes = [rule.code for rule in generated_rules(load_contract().tables["consultations"])]
    assert codes == [
        "CON.upn.required", "CON.upn.text",
        "CON.consulted_date.required", "CON.consulted_date.date", "CON.consulted_date.window",
        "CON.responded_date.date", "CON.responded_date.window",
        "CON.row.surplus",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "costs"),
    [
        ("PLA.upn.required", "row"),
        ("PLA.planned_date.window", "row"),
        ("PLA.assessed_date.date", "cell"),
        # a review's planned date is not of its key, and ties it to its plan
        ("RVW.planned_date.date", "row"),
        ("RVW.copy_to_parents_date.window", "cell"),
        ("PUP.uln.text", "cell"),
        ("PUP.row.surplus", "row"),
    ],
)
def test_an_error_costs_the_row_where_it_identifies_and_else_the_cell(code, costs):
    assert next(rule.costs for rule in RULES if rule.code == code) == costs


def test_sentences_are_whole_plain_and_name_no_pupil():
    jargon = re.compile(r"quarantin|null|regex|column_|schema|invalid|orphan|parse|\b[a-z]+_[a-z_]+\b", re.IGNORECASE)
    for rule in RULES:
        for sentence in (rule, *rule.faults.values()):
            for text in (sentence.says, sentence.remedy):
                assert text[0].isupper() or text[0] == '"', (rule.code, text)
                assert text.endswith((".", ".)", "://.")), (rule.code, text)
                assert len(text) < 260, (rule.code, text)
                bare = re.sub(r"\S+_\S+\.xlsx|\{table\}|\{label\}|Give one of: .*", "", text)
                assert not jargon.search(bare), (rule.code, text)


def test_only_rules_of_sheets_and_columns_leave_room_for_a_name():
    for rule in RULES:
        room = set(re.findall(r"\{(\w+)\}", rule.says + rule.remedy))
        assert room <= ({"table", "label"} if rule.table in ("sheets", "columns") else set()), rule.code


def test_a_rule_to_school_says_not_counted_where_it_costs_the_row():
    for rule in RULES:
        if rule.costs == "row":
            assert (
                "counted" in rule.says + rule.remedy
                or any("counted" in s.remedy for s in rule.faults.values())
                or rule.generated
            ), rule.code


def test_a_code_that_is_not_in_its_list_is_answered_with_the_list():
    sex = load_contract().tables["pupils"].fields["sex"]
    assert fault_sentences("type", sex)["not_in_list"].remedy == "Give one of: F, M."


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"severity": "warning"}, "severity warning"),
        ({"costs": "pupil"}, "costs pupil"),
        ({"severity": "query", "costs": "row"}, "a query costs nothing"),
        ({"fields": ["shoe_size"]}, "pupils has no field shoe_size"),
        ({"fields": ["sex"], "costs": "cell"}, "can blank only upn and uln cells"),
        ({"sayz": "Wrong."}, "sayz"),
    ],
)
def test_a_rule_that_is_not_written_right_is_refused_by_its_code(over, why):
    with pytest.raises(RuleError, match=rf"TST01.*{why}"):
        written_rule("pupils", entry(**over), load_contract())


@pytest.mark.parametrize(
    ("expect", "why"),
    [
        ({"type": "expect_column_values_to_be_null", "column": "shoe_size"}, "reads shoe_size"),
        # Great Expectations would report every row as broken
        ({"type": "expect_column_values_to_match_regex", "column": "plans", "regex": "x"}, "plans, which is Int64"),
        ({"type": "expect_column_values_to_be_in_set", "column": "plans", "value_set": ["1"]}, "plans, which is Int64"),
        (
            {"type": "expect_column_values_to_be_in_set", "column": "plans", "value_set": [True]},
            "plans, which is Int64",
        ),
        ({"type": "expect_column_values_to_be_between", "column": "upn", "min_value": 1}, "upn, which is String"),
        (
            {"type": "expect_column_pair_values_to_be_equal", "column_A": "a", "column_B": "upn"},
            "compares Date with String",
        ),
        ({"type": "expect_column_mean_to_be_between", "column": "plans"}, "not one that is used here"),
        (
            {"type": "expect_column_values_to_be_null", "column": "upn", "where": "nil_return = maybe"},
            "compares Boolean",
        ),
        ({"type": "expect_column_values_to_be_null", "column": "upn", "where": "upn ~ x"}, "where upn ~ x"),
        ({"type": "expect_column_values_to_be_null", "column": "upn", "where": "sex = F"}, "reads sex"),
    ],
)
def test_a_rule_that_does_not_fit_the_columns_is_refused_before_it_runs(expect, why):
    with pytest.raises(RuleError, match=why):
        check_types([rule(**expect)], SCHEMA)


@pytest.mark.parametrize(
    ("where", "condition"),
    [
        ("upn = K", "upn == 'K'"),
        ("upn in K, E", "upn in ['K', 'E']"),
        ("plans > 0 and nil_return = N", "plans > 0 and nil_return == False"),
        ("a is blank", "a.isnull()"),
        ("a is not blank and upn != K", "a.notnull() and upn != 'K'"),
    ],
)
def test_where_is_written_for_people_and_read_as_a_condition(where, condition):
    assert row_condition(rule(type="expect_column_values_to_be_null", column="upn", where=where), SCHEMA) == condition


def test_the_columns_that_a_rule_reads_are_those_of_its_expectation_and_of_where():
    compared = rule(
        type="expect_column_pair_values_to_be_equal", column_A="a", column_B="b", where="plans > 0 and a is blank"
    )
    assert columns_read(compared) == ["a", "b", "plans"]


def test_what_one_rule_silences_is_a_rule():
    codes = {rule.code for rule in RULES}
    assert {other for rule in RULES for other in (*rule.replaces, *rule.suppresses)} <= codes


def test_a_rule_about_rows_names_the_field_to_correct():
    assert [
        rule.code
        for rule in RULES
        if rule.table not in SHEETLESS and not rule.field and not rule.code.endswith("surplus")
    ] == []


def test_severities_are_those_of_the_specification():
    severity = {rule.code: rule.severity for rule in RULES}
    errors = (
        "PUP07", "PUP18", "PUP08", "PUP03", "SHT04", "RET01", "RET02", "FIL08", "FIL09",
        "ARR.healthcare_plans_reviewed.number", "PLA.planned_date.window",
    )  # fmt: skip
    queries = (
        "PUP10", "PUP16", "PUP17", "RVW06", "FIL12", "FIL06", "RVW04", "RET03", "RET04", "RET05", "RET06",
    )  # fmt: skip
    assert {severity[code] for code in errors} == {"error"}
    assert {severity[code] for code in queries} == {"query"}
    # everything across returns and against the LA
    assert {rule.severity for rule in RULES if rule.needs} == {"query"}
    # dates out of order, but for a review before its plan
    pairs = {
        rule.code: rule.severity
        for rule in RULES
        if rule.expect["type"] == "expect_column_pair_values_a_to_be_greater_than_b"
    }
    assert [code for code, of_pair in pairs.items() if of_pair == "query"] == ["RVW04"]
