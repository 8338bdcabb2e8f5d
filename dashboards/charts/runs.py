"""Run charts: a figure over the terms, its median, and whether it moved by more than chance."""

import itertools
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import altair as alt
import polars as pl

from dashboards.charts import INK, LINE, PALETTE, QUIET, SHAPES, Key, finished
from dashboards.words import amount, term_label

SHIFT = 6  # points in a row on one side of the median
TREND = 5  # steps in a row the same way
SETTLED = 12  # points from which on control limits are no trial any more
WIDTH = 2.66  # of an XmR chart: three sigma, by the mean moving range


@dataclass(frozen=True)
class Limits:
    """Control limits of a series (XmR chart); is_trial: of too few points to lean on."""

    mean: float
    low: float
    high: float
    is_trial: bool

    @property
    def name(self) -> str:
        """What they are called beside the chart."""
        return "trial limits" if self.is_trial else "control limits"


def control_limits(values: list[float | None], unit: str) -> Limits | None:
    """Mean +- 2.66 x mean moving range of the terms with a value; None with fewer than a shift's six.

    A rate stays within 0 and 1, days, pounds and counts do not fall below 0.
    """
    seen = [value for value in values if value is not None]
    if len(seen) < SHIFT:
        return None
    mean = sum(seen) / len(seen)
    ranges = [abs(after - before) for before, after in itertools.pairwise(seen)]
    reach = WIDTH * sum(ranges) / len(ranges)
    high = min(mean + reach, 1.0) if unit == "rate" else mean + reach
    return Limits(mean, max(mean - reach, 0.0), high, len(seen) < SETTLED)


def signal(values: list[float | None], unit: str) -> str:
    """What a run chart says of a series, in one sentence; terms without a value are passed over."""
    seen = [value for value in values if value is not None]
    limits = control_limits(values, unit)
    if limits is None:
        return "Too few terms yet to tell a shift from chance"
    # a hair's breadth for a mean of equal values
    beyond = sum(not limits.low - 1e-9 <= value <= limits.high + 1e-9 for value in seen)
    if beyond:
        which = f"{beyond} term{'s' if beyond > 1 else ''} outside the {limits.name}"
        return f"{which} ({amount(limits.low, unit)} to {amount(limits.high, unit)}): more than the terms differ by otherwise"
    middle = pl.Series(seen).median()
    sides = [1 if value > middle else -1 for value in seen if value != middle]
    if _longest_run(sides) >= SHIFT:
        return f"A shift: {_longest_run(sides)} terms in a row on one side of the median ({amount(middle, unit)})"
    steps = [(after > before) - (after < before) for before, after in itertools.pairwise(seen)]
    steps = [step for step in steps if step]
    if _longest_run(steps) >= TREND:
        return f"A trend: {_longest_run(steps)} steps in a row the same way"
    return (
        f"No shift, no trend, no term outside the {limits.name}: it varies around its median of {amount(middle, unit)}"
    )


def _longest_run(signs: list[int]) -> int:
    return max((len(list(run)) for _, run in itertools.groupby(signs)), default=0)


def term_axis(terms: list[str]) -> alt.X:
    """The terms in their order, each in two short lines so that nine fit on a telephone."""
    labels = [term_label(term) for term in terms]
    return alt.X(
        "term_label:N",
        sort=labels,
        scale=alt.Scale(domain=labels),
        axis=alt.Axis(
            title=None,
            labelAngle=0,
            labelExpr="[slice(datum.value, 0, 3), slice(datum.value, -7)]",
            labelOverlap=True,
            domain=False,
            ticks=False,
        ),
    )


def with_term_labels(data: pl.DataFrame) -> pl.DataFrame:
    """`term_label` beside `term`."""
    labels = {term: term_label(term) for term in data["term"].unique()}
    return data.with_columns(term_label=pl.col("term").replace_strict(labels, return_dtype=pl.String))


def _y(field: str, unit: str, span: tuple[float, float] = (0, 1)) -> alt.Y:
    if unit == "rate":
        axis = alt.Axis(format=".0%", title=None, tickCount=5, domain=False, ticks=False)
        return alt.Y(f"{field}:Q", scale=alt.Scale(domain=list(span), nice=False), axis=axis)
    axis = alt.Axis(title=None, tickMinStep=1, domain=False, ticks=False)
    return alt.Y(f"{field}:Q", scale=alt.Scale(zero=True), axis=axis)


def _prepared(series: pl.DataFrame) -> pl.DataFrame:
    return with_term_labels(series).with_columns(
        parts=pl.when(pl.col("denominator") > 0).then(
            pl.format("{} of {}", pl.col("numerator").cast(pl.Int64), pl.col("denominator").cast(pl.Int64))
        )
    )


def _tooltip(unit: str, *first: alt.Tooltip, interval: bool = True) -> list[alt.Tooltip]:
    form = ".1%" if unit == "rate" else ",.0f"
    fields = [
        *first,
        alt.Tooltip("term_label:N", title="Term"),
        alt.Tooltip("value:Q", title="Value", format=form),
        alt.Tooltip("parts:N", title="Number"),
        alt.Tooltip("unknown:Q", title="Unknown"),
    ]
    if interval and unit == "rate":
        fields += [
            alt.Tooltip("lower_95:Q", title="95% from", format=form),
            alt.Tooltip("upper_95:Q", title="95% to", format=form),
        ]
    return fields


def target_rule(target: float | None) -> list[alt.Chart]:
    """A dotted line at the target, with its words."""
    if target is None:
        return []
    at = alt.Chart(pl.DataFrame({"target": [target], "words": [f"target {target:.0%}"]}))
    # of the 0 to 100 % axis: below the line where above it there is no room
    beside = {"baseline": "top", "dy": 3} if target > 0.93 else {"baseline": "bottom", "dy": -3}
    return [
        at.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.5).encode(y="target:Q"),
        at.mark_text(align="right", color=INK, fontSize=12, **beside).encode(
            y="target:Q", x=alt.value("width"), text="words:N"
        ),
    ]


def span_of_rates(shown: list[float | None]) -> tuple[float, float]:
    """From which to which tenth an axis of rates goes: all that is shown is on it, and three tenths at least.

    Points and lines, unlike bars, do not stand on nought, and on an axis of all 100 % a term's change is a hair's breadth.
    """
    known = [value for value in shown if value is not None]
    if not known:
        return 0.0, 1.0
    low, high = floor(10 * min(known) + 1e-9), ceil(10 * max(known) - 1e-9)
    low = max(0, min(low, high - 3))
    return low / 10, min(10, max(high, low + 3)) / 10


def _line_and_points(
    data: pl.DataFrame,
    x: alt.X,
    unit: str,
    tooltip: list[alt.Tooltip],
    span: tuple[float, float] = (0, 1),
    **encoded: Any,
) -> list:
    """A line that breaks where a term has no value, and a point for each that has."""
    base = alt.Chart(data)
    colour = {key: value for key, value in encoded.items() if key == "color"}
    look = {} if colour else {"color": LINE}
    return [
        base.mark_line(strokeWidth=2.5, invalid="break-paths-show-domains", **look).encode(
            x=x, y=_y("value", unit, span), **colour
        ),
        base.transform_filter("isValid(datum.value)")
        .mark_point(filled=True, size=70, opacity=1, **look)
        .encode(x=x, y=_y("value", unit, span), tooltip=tooltip, **encoded),
    ]


def run_chart(series: pl.DataFrame, unit: str, target: float | None) -> tuple[alt.TopLevelMixin, Key]:
    """One area over the terms with its 95 % interval, median, control limits and target, and the key.

    `series` as `areas_over_terms`, of one area.
    """
    data = _prepared(series)
    x = term_axis(data["term"].to_list())
    tooltip = [
        *_tooltip(unit),
        alt.Tooltip("schools_counted:Q", title="Schools counted"),
        alt.Tooltip("schools_missing:Q", title="Schools missing"),
    ]
    limits = control_limits(data["value"].to_list(), unit)
    shown = [limits.low, limits.high] if limits else []
    span = span_of_rates([*shown, target, data["lower_95"].min(), data["upper_95"].max()])
    layers = []
    if unit == "rate":
        bars = alt.Chart(data).mark_bar(width=14, color=LINE, opacity=0.22)
        layers.append(bars.encode(x=x, y=_y("lower_95", unit, span), y2="upper_95:Q"))
    middle = alt.Chart(pl.DataFrame({"median": [data["value"].median()]}, schema={"median": pl.Float64}))
    layers.append(middle.mark_rule(color=QUIET, strokeDash=[6, 4]).encode(y=_y("median", unit, span)))
    key = [(LINE, "●", "the LA, with its 95% interval" if unit == "rate" else "the LA"), (QUIET, "╌", "median")]
    if limits:
        at = alt.Chart(pl.DataFrame({"limit": [limits.low, limits.high]}))
        layers.append(at.mark_rule(color=QUIET, strokeWidth=1.2).encode(y=_y("limit", unit, span)))
        key.append((QUIET, "─", limits.name + (f" (fewer than {SETTLED} terms)" if limits.is_trial else "")))
    layers += target_rule(target)
    layers += _line_and_points(data, x, unit, tooltip, span)
    return finished(alt.layer(*layers), 330), key


def areas_chart(series: pl.DataFrame, unit: str, target: float | None) -> tuple[alt.TopLevelMixin, Key]:
    """The LA against its phases over the terms, and its key; `series` as `areas_over_terms`, with `area` to show."""
    data = _prepared(series)
    areas = data["area"].unique(maintain_order=True).to_list()
    colours = [INK, *itertools.islice(itertools.cycle(PALETTE), len(areas))][: len(areas)]
    shapes = list(itertools.islice(itertools.cycle(SHAPES), len(areas)))
    layers = _line_and_points(
        data,
        term_axis(data["term"].unique(maintain_order=True).to_list()),
        unit,
        _tooltip(unit, alt.Tooltip("area:N", title="Area")),
        color=alt.Color("area:N", legend=None, scale=alt.Scale(domain=areas, range=colours)),
        shape=alt.Shape("area:N", legend=None, scale=alt.Scale(domain=areas, range=shapes)),
    )
    key = [(colour, SHAPES[shape], area) for colour, shape, area in zip(colours, shapes, areas, strict=True)]
    return finished(alt.layer(*target_rule(target), *layers), 340), key


def peers_chart(
    school: pl.DataFrame, peers: pl.DataFrame, unit: str, target: float | None
) -> tuple[alt.TopLevelMixin, Key]:
    """One school with its interval over the band of its peers, and the key.

    `school` as `school_over_terms`, `peers` as `peers_over_terms`.
    """
    mine, band = _prepared(school), with_term_labels(peers)
    x = term_axis(mine["term"].to_list())
    form = ".1%" if unit == "rate" else ",.0f"
    of_peers = [
        alt.Tooltip("term_label:N", title="Term"),
        alt.Tooltip("median:Q", title="Peers' median", format=form),
        alt.Tooltip("lower_quartile:Q", title="Middle half from", format=form),
        alt.Tooltip("upper_quartile:Q", title="Middle half to", format=form),
        alt.Tooltip("schools:Q", title="Peers with a figure"),
    ]
    outer, inner = "#d3dae1", "#aab7c4"
    under, over = alt.Chart(band), alt.Chart(mine)
    layers = [
        under.mark_area(color=outer).encode(x=x, y=_y("tenth", unit), y2="ninetieth:Q"),
        under.mark_area(color=inner).encode(x=x, y=_y("lower_quartile", unit), y2="upper_quartile:Q"),
        under.mark_line(color="#3b444d", strokeDash=[6, 4], strokeWidth=2).encode(
            x=x, y=_y("median", unit), tooltip=of_peers
        ),
        *target_rule(target),
        over.mark_rule(color=LINE, strokeWidth=1.5).encode(x=x, y=_y("lower_95", unit), y2="upper_95:Q"),
        *_line_and_points(mine, x, unit, _tooltip(unit)),
    ]
    key = [
        (LINE, "●", "the school, with its 95% interval"),
        ("#3b444d", "╌", "median of its peers"),
        ("#8796a5", "■", "their middle half"),
        ("#b9c3cc", "■", "their middle four fifths"),
    ]
    return finished(alt.layer(*layers), 360), key
