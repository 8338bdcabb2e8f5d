"""Limits and signals, worked out by hand: what a chart calls chance, and what it does not."""

import polars as pl
import pytest

from dashboards.charts import funnels, runs


def held(units: int, rate: float) -> dict[str, tuple[float, float]]:
    """The limits for one number of units: from and to, as numbers of units."""
    rows = funnels.limits(rate, [units]).iter_rows(named=True)
    return {row["limit"]: (round(row["low"] * units), round(row["high"] * units)) for row in rows}


def test_funnel_limits_are_the_exact_binomials():
    # Binomial(10, 0.5): P(X <= 1) = 11/1024 = 0.0107 and P(X <= 2) = 56/1024 = 0.0547, so 2.5 % are below 2 at most;
    # P(X = 0) = 1/1024 = 0.00098 is within 0.1 %, so 0.1 % are below 1 at most; and the same from above
    assert held(10, 0.5) == {"95%": (2, 8), "99.8%": (1, 9)}
    # Binomial(4, 0.9): P(X <= 1) = 0.0037, P(X <= 2) = 0.0523; all four are met with 0.6561: no upper limit below 4
    assert held(4, 0.9) == {"95%": (2, 4), "99.8%": (1, 4)}


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_where_all_schools_together_have_no_variation_any_other_rate_is_outside(rate):
    schools = pl.DataFrame({"denominator": [8, 8], "value": [rate, abs(rate - 0.125)]})
    assert funnels.outside(schools, rate)["beyond"].to_list() == [None, "99.8%"]


def test_a_school_is_outside_the_widest_limit_that_it_lies_beyond():
    # of Binomial(10, 0.5), by the limits above
    schools = pl.DataFrame({"denominator": [10] * 5, "value": [0.0, 0.1, 0.2, 0.8, 1.0]})
    assert funnels.outside(schools, 0.5)["beyond"].to_list() == ["99.8%", "95%", None, None, "99.8%"]


def test_control_limits_are_the_mean_and_the_mean_moving_range():
    # the mean of 10, 12, 11, 13, 12, 14 is 12; the moving ranges 2, 1, 2, 1, 2 have the mean 1.6: 12 -+ 2.66 x 1.6
    limits = runs.control_limits([10, 12, 11, 13, 12, 14], "days")
    assert (limits.mean, limits.low, limits.high) == pytest.approx((12, 12 - 4.256, 12 + 4.256))


@pytest.mark.parametrize(("terms", "is_trial"), [(6, True), (11, True), (12, False)])
def test_limits_are_trial_limits_below_twelve_terms(terms, is_trial):
    limits = runs.control_limits([0.5, 0.6] * (terms // 2) + [0.5] * (terms % 2), "rate")
    assert limits.is_trial is is_trial
    assert limits.name == ("trial limits" if is_trial else "control limits")


def test_there_are_no_limits_with_fewer_terms_than_a_shift_needs_and_terms_without_a_value_do_not_count():
    assert runs.control_limits([0.5, 0.6, None, 0.5, 0.6, 0.5, None], "rate") is None
    assert runs.signal([0.5, 0.6, None, 0.5, 0.6, 0.5], "rate") == "Too few terms yet to tell a shift from chance"


def test_limits_of_a_rate_stay_between_nothing_and_all():
    # ranges of 0.8: the limits would be 0.5 -+ 2.128
    limits = runs.control_limits([0.1, 0.9] * 3, "rate")
    assert (limits.low, limits.high) == (0, 1)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        # the mean is 12.75, the ranges six of 1 and one of 19: up to 12.75 + 2.66 x 25/7 = 22.25
        ([10, 11, 10, 11, 10, 11, 10, 29], "1 term outside the trial limits"),
        # eight below the median of 6, eight above: the step is too small beside the terms' own range to be outside
        ([3, 5, 3, 5, 3, 5, 3, 5, 7, 9, 7, 9, 7, 9, 7, 9], "A shift: 8 terms in a row on one side of the median"),
        # slow but steady: five steps the same way, which lie both sides of the median
        ([10.0, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 4.0, 9.0, 5.0], "A trend: 5 steps in a row the same way"),
        ([5, 7, 6, 5, 7, 6, 5, 7], "No shift, no trend, no term outside the trial limits"),
        ([7, 7, 7, 7, 7, 7], "No shift, no trend"),
    ],
)
def test_the_sentence_says_what_moved(values, says):
    assert runs.signal(values, "days").startswith(says)


@pytest.mark.parametrize(
    ("shown", "span"),
    [
        ([0.92, 0.95, 0.9, None], (0.7, 1.0)),  # three tenths at least
        ([0.46, 0.71], (0.4, 0.8)),
        ([0.3, 0.6], (0.3, 0.6)),
        ([0.02], (0.0, 0.3)),
        ([None], (0.0, 1.0)),
    ],
)
def test_an_axis_of_rates_holds_all_that_is_shown_in_whole_tenths(shown, span):
    assert runs.span_of_rates(shown) == pytest.approx(span)
