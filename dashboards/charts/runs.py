"""Run charts: a figure over the terms, its median, and whether it moved by more than chance."""

import itertools

import altair as alt
import polars as pl

from dashboards.charts import BAND, INK, LINE, PALETTE, QUIET, SHAPES, finished
from dashboards.words import amount, term_label

SHIFT = 6  # points in a row on one side of the median
TREND = 5  # steps in a row the same way


def _value_axis(unit: str) -> dict[str, object]:
    if unit == "rate":
        return {"scale": alt.Scale(domain=[0, 1]), "axis": alt.Axis(format=".0%", title=None, tickCount=5)}
    return {"scale": alt.Scale(zero=True), "axis": alt.Axis(title=None, tickMinStep=1)}


def _term_axis(terms: list[str]) -> alt.X:
    # two short lines, so that nine terms fit on a telephone
    label = "[slice(datum.value, 0, 3), slice(datum.value, -7)]"
    return alt.X(
        "term_label:N",
        sort=[term_label(term) for term in terms],
        scale=alt.Scale(domain=[term_label(term) for term in terms]),
        axis=alt.Axis(title=None, labelAngle=0, labelExpr=label, labelOverlap=True),
    )


def _labelled(series: pl.DataFrame) -> pl.DataFrame:
    labels = {term: term_label(term) for term in series["term"].unique()}
    return series.with_columns(
        term_label=pl.col("term").replace_strict(labels, return_dtype=pl.String),
        parts=pl.when(pl.col("denominator") > 0).then(
            pl.format("{} of {}", pl.col("numerator").cast(pl.Int64), pl.col("denominator").cast(pl.Int64))
        ),
    )


def _target(target: float | None) -> list[alt.Chart]:
    if target is None:
        return []
    at = pl.DataFrame({"target": [target], "words": [f"target {target:.0%}"]})
    rule = alt.Chart(at).mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.5).encode(y="target:Q")
    text = (
        alt.Chart(at)
        .mark_text(align="right", baseline="bottom", dy=-3, color=INK, fontSize=12)
        .encode(y="target:Q", x=alt.value("width"), text="words:N")
    )
    return [rule, text]


def signal(values: list[float | None], unit: str) -> str:
    """What a run chart says of a series, in one sentence; terms without a value are passed over."""
    seen = [value for value in values if value is not None]
    if len(seen) < SHIFT:
        return f"{len(seen)} terms: too few to tell a shift from chance."
    middle = pl.Series(seen).median()
    sides = [1 if value > middle else -1 for value in seen if value != middle]
    if _longest_run(sides) >= SHIFT:
        return f"A shift: at least {SHIFT} terms in a row on one side of the median ({amount(middle, unit)})."
    steps = [(after > before) - (after < before) for before, after in itertools.pairwise(seen)]
    if _longest_run([step for step in steps if step]) >= TREND:
        return f"A trend: at least {TREND} steps in a row the same way."
    return f"No shift and no trend: it varies around its median of {amount(middle, unit)} as chance would have it."


def _longest_run(signs: list[int]) -> int:
    longest = current = 0
    for position, sign in enumerate(signs):
        current = current + 1 if position and sign == signs[position - 1] else 1
        longest = max(longest, current)
    return longest


def run_chart(series: pl.DataFrame, unit: str, target: float | None, *, title: str, subtitle: str) -> alt.TopLevelMixin:
    """One area over the terms with its 95 % interval, median and target; `series` as `areas_over_terms`, one area."""
    data = _labelled(series)
    x = _term_axis(data["term"].to_list())
    axis = _value_axis(unit)
    tooltip = [
        alt.Tooltip("term_label:N", title="Term"),
        alt.Tooltip("value:Q", title="Value", format=".1%" if unit == "rate" else ",.0f"),
        alt.Tooltip("parts:N", title="Number"),
        alt.Tooltip("unknown:Q", title="Unknown"),
        alt.Tooltip("lower_95:Q", title="95 % from", format=".1%"),
        alt.Tooltip("upper_95:Q", title="95 % to", format=".1%"),
        alt.Tooltip("schools_counted:Q", title="Schools counted"),
        alt.Tooltip("schools_missing:Q", title="Schools missing"),
    ]
    base = alt.Chart(data)
    layers: list[alt.Chart] = []
    if unit == "rate":
        layers.append(
            base.mark_bar(width=14, color=BAND, opacity=0.22).encode(
                x=x, y=alt.Y("lower_95:Q", **axis), y2="upper_95:Q"
            )
        )
    middle = data["value"].median()
    if middle is not None:
        layers.append(
            alt.Chart(pl.DataFrame({"median": [middle]}))
            .mark_rule(color=QUIET, strokeDash=[6, 4])
            .encode(y=alt.Y("median:Q", **axis))
        )
    layers += _target(target)
    layers.append(
        base.mark_line(color=LINE, strokeWidth=2.5, invalid="break-paths-show-domains").encode(
            x=x, y=alt.Y("value:Q", **axis)
        )
    )
    layers.append(
        base.transform_filter("isValid(datum.value)")
        .mark_point(color=LINE, fill=LINE, size=70, opacity=1)
        .encode(x=x, y=alt.Y("value:Q", **axis), tooltip=tooltip)
    )
    chart = alt.layer(*layers).properties(height=300, width="container")
    return finished(chart, title, subtitle, f"{title}. {subtitle} The table beside it holds the same figures.")


def areas_chart(
    series: pl.DataFrame, unit: str, target: float | None, *, title: str, subtitle: str
) -> alt.TopLevelMixin:
    """The LA against its phases over the terms: `series` as `areas_over_terms`, with `area` as the name to show."""
    data = _labelled(series)
    x = _term_axis(data["term"].unique(maintain_order=True).to_list())
    areas = data["area"].unique(maintain_order=True).to_list()
    colours = [INK, *PALETTE][: len(areas)]
    colour = alt.Color("area:N", title=None, scale=alt.Scale(domain=areas, range=colours))
    shape = alt.Shape("area:N", title=None, scale=alt.Scale(domain=areas, range=SHAPES[: len(areas)]))
    axis = _value_axis(unit)
    tooltip = [
        alt.Tooltip("area:N", title="Area"),
        alt.Tooltip("term_label:N", title="Term"),
        alt.Tooltip("value:Q", title="Value", format=".1%" if unit == "rate" else ",.0f"),
        alt.Tooltip("parts:N", title="Number"),
        alt.Tooltip("unknown:Q", title="Unknown"),
    ]
    base = alt.Chart(data)
    line = base.mark_line(strokeWidth=2, invalid="break-paths-show-domains").encode(
        x=x, y=alt.Y("value:Q", **axis), color=colour
    )
    point = (
        base.transform_filter("isValid(datum.value)")
        .mark_point(size=60, filled=True, opacity=1)
        .encode(x=x, y=alt.Y("value:Q", **axis), color=colour, shape=shape, tooltip=tooltip)
    )
    chart = alt.layer(*_target(target), line, point).properties(height=320, width="container")
    return finished(chart, title, subtitle, f"{title}. {subtitle} The table beside it holds the same figures.")


def peers_chart(
    school: pl.DataFrame,
    peers: pl.DataFrame,
    unit: str,
    target: float | None,
    *,
    name: str,
    title: str,
    subtitle: str,
) -> alt.TopLevelMixin:
    """One school with its interval over the band of its peers: `school` as `school_over_terms`, `peers` as `peers_over_terms`."""
    mine = _labelled(school)
    band = peers.with_columns(
        term_label=pl.col("term").replace_strict({t: term_label(t) for t in peers["term"]}, return_dtype=pl.String)
    )
    x = _term_axis(mine["term"].to_list())
    axis = _value_axis(unit)
    form = ".1%" if unit == "rate" else ",.0f"
    peer_tip = [
        alt.Tooltip("term_label:N", title="Term"),
        alt.Tooltip("median:Q", title="Peers' median", format=form),
        alt.Tooltip("lower_quartile:Q", title="Middle half from", format=form),
        alt.Tooltip("upper_quartile:Q", title="Middle half to", format=form),
        alt.Tooltip("schools:Q", title="Peers with a figure"),
    ]
    tip = [
        alt.Tooltip("term_label:N", title="Term"),
        alt.Tooltip("value:Q", title=name, format=form),
        alt.Tooltip("parts:N", title="Number"),
        alt.Tooltip("unknown:Q", title="Unknown"),
        alt.Tooltip("lower_95:Q", title="95 % from", format=form),
        alt.Tooltip("upper_95:Q", title="95 % to", format=form),
    ]
    under, over = alt.Chart(band), alt.Chart(mine)
    layers = [
        under.mark_area(color="#c9d2da", opacity=0.55).encode(x=x, y=alt.Y("tenth:Q", **axis), y2="ninetieth:Q"),
        under.mark_area(color="#9aa8b5", opacity=0.55).encode(
            x=x, y=alt.Y("lower_quartile:Q", **axis), y2="upper_quartile:Q"
        ),
        under.mark_line(color=QUIET, strokeDash=[6, 4], strokeWidth=2).encode(
            x=x, y=alt.Y("median:Q", **axis), tooltip=peer_tip
        ),
        *_target(target),
        over.mark_rule(color=LINE, strokeWidth=1.5).encode(x=x, y=alt.Y("lower_95:Q", **axis), y2="upper_95:Q"),
        over.mark_line(color=LINE, strokeWidth=2.5, invalid="break-paths-show-domains").encode(
            x=x, y=alt.Y("value:Q", **axis)
        ),
        over.transform_filter("isValid(datum.value)")
        .mark_point(color=LINE, fill=LINE, size=70, opacity=1)
        .encode(x=x, y=alt.Y("value:Q", **axis), tooltip=tip),
    ]
    chart = alt.layer(*layers).properties(height=320, width="container")
    return finished(chart, title, subtitle, f"{title}. {subtitle} The table beside it holds the same figures.")
