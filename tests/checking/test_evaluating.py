"""Which rows break a rule; and of an error of Great Expectations its kind, and nothing of what it says."""

from datetime import date

import polars as pl
import pytest

from expectations.suites import Rule
from pipelines.checking.evaluating import _exception, evaluate

FRAMES = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    f(value)\n'


@pytest.mark.parametrize(
    ("traceback", "kind"),
    [
        (f"{FRAMES}KeyError: 'sex'\n", "KeyError"),
        (f"{FRAMES}pandas.errors.ParserError: of H801200001001", "ParserError"),
        # a message of several lines ends with whatever it quotes
        (f"{FRAMES}ValueError: cannot read\nH801200001001", "ValueError"),
        (f"{FRAMES}ValueError: cannot read\n  H801200001001: a letter too many\n", "ValueError"),
        (
            f"{FRAMES}KeyError: 'a'\n\nDuring handling of the above exception, another one occurred:\n\n{FRAMES}TypeError\n",
            "TypeError",
        ),
        ("", "error"),
    ],
)
def test_an_error_is_known_by_its_kind_alone(traceback, kind):
    assert _exception({"raised_exception": True, "exception_traceback": traceback}) == kind
    assert _exception({"metric": {"raised_exception": True, "exception_traceback": traceback}}) == kind


def test_no_error_is_none():
    assert _exception({"raised_exception": False, "exception_traceback": None}) is None
    assert _exception({}) is None


def test_every_row_that_breaks_a_rule_is_named_however_many_are_alike():
    def rule(code: str, **expect: object) -> Rule:
        return Rule(code, "error", "pupils", ("upn",), "Wrong.", "Put it right.", expect)

    frame = pl.DataFrame(
        {
            "sex": ["Q", "F", "Q", None, "F", "Q"],
            "entry": [date(2025, 1, day) for day in (1, 2, 3, 4, 5, 3)],
            "left": [date(2025, 1, day) if day else None for day in (2, 1, 1, None, 5, 1)],
        }
    )
    rules = [
        rule("SEX", type="expect_column_values_to_be_in_set", column="sex", value_set=["F", "M"]),
        rule("GIVEN", type="expect_column_values_to_not_be_null", column="sex"),
        rule(
            "DATES",
            type="expect_column_pair_values_a_to_be_greater_than_b",
            column_A="left",
            column_B="entry",
            or_equal=True,
            where="sex = Q",
        ),
    ]
    evaluation = evaluate("pupils", frame, rules)
    assert sorted(evaluation.broken.iter_rows()) == [
        ("DATES", 2), ("DATES", 5), ("GIVEN", 3), ("SEX", 0), ("SEX", 2), ("SEX", 5),
    ]  # fmt: skip
    assert evaluation.not_run == {}
