"""An expectation asked for its rows alone says of them what Great Expectations' own says."""

from datetime import datetime
from typing import Any

import polars as pl
import pytest

from expectations.by_row import by_row
from pipelines.checking import evaluating

FRAME = pl.DataFrame(
    {
        "code": ["K", "E", None, "Q", "K", "E"],
        "pages": [1, 200, 0, None, 7, 7],
        "flag": [True, None, True, False, None, True],
        "starts": [datetime(2025, 9, day) if day else None for day in (1, 2, 3, 4, None, 6)],
        "ends": [datetime(2025, 9, day) if day else None for day in (2, 2, 1, None, 5, 9)],
    },
    schema_overrides={"starts": pl.Datetime("ms"), "ends": pl.Datetime("ms")},
)
ONLY_E = {"row_condition": "code == 'E'", "condition_parser": "pandas"}
BOTH_THERE = {"ignore_row_if": "either_value_is_missing"}
CASES = [
    ("expect_column_values_to_be_null", {"column": "flag"}, [0, 2, 3, 5]),
    ("expect_column_values_to_be_null", {"column": "flag", **ONLY_E}, [5]),
    ("expect_column_values_to_not_be_null", {"column": "flag"}, [1, 4]),
    ("expect_column_values_to_be_in_set", {"column": "code", "value_set": ["K", "E"]}, [3]),
    ("expect_column_values_to_be_in_set", {"column": "flag", "value_set": [True], **ONLY_E}, []),
    ("expect_column_values_to_not_be_in_set", {"column": "pages", "value_set": [7], **ONLY_E}, [5]),
    ("expect_column_values_to_be_between", {"column": "pages", "min_value": 1, "max_value": 100}, [1, 2]),
    ("expect_column_values_to_match_regex", {"column": "code", "regex": "^[KQ]$"}, [1, 5]),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "ends", "column_B": "starts", "or_equal": True, **BOTH_THERE},
        [2],
    ),
    ("expect_column_pair_values_to_be_equal", {"column_A": "ends", "column_B": "starts", **BOTH_THERE}, [0, 2, 5]),
]


def rows_at_fault(expectation: Any) -> tuple[bool, list[int]]:
    from great_expectations import ExpectationSuite

    (result,) = evaluating._run(
        ExpectationSuite(name="one", expectations=[expectation]), FRAME.to_pandas(use_pyarrow_extension_array=True)
    )
    return result.success, result.result["unexpected_index_list"]


@pytest.mark.parametrize(("kind", "arguments", "rows"), CASES)
def test_the_rows_are_those_that_great_expectations_names(kind, arguments, rows):
    from great_expectations.expectations.registry import get_expectation_impl

    assert rows_at_fault(get_expectation_impl(kind)(**arguments)) == (not rows, rows)
    assert rows_at_fault(by_row(kind)(**arguments)) == (not rows, rows)
