"""Waits: the day by which half, and the day by which nine in ten, had been seen."""

import altair as alt
import polars as pl

from dashboards.charts import LINE, PALETTE, SHAPES, Key, finished
from dashboards.charts.runs import term_axis, with_term_labels

HALF, NINE_IN_TEN = "half", "nine in ten"
CENTILES = {
    "median_days": (HALF, LINE, "circle"),
    "ninetieth_days": (NINE_IN_TEN, PALETTE[1], "diamond"),
}
BETWEEN = "#8796a5"
KEY: Key = [(colour, SHAPES[shape], f"{name} seen by then") for name, colour, shape in CENTILES.values()]
NOT_REACHED: Key = [(BETWEEN, "╌", "nine in ten not reached: too many still wait")]
_DAYS = alt.Axis(title="Days from referral", format=",.0f", tickMinStep=1, tickCount=6, domain=False, ticks=False)


def _long(waits: pl.DataFrame, by: str) -> pl.DataFrame:
    """A row a place or term and centile: `by`, days, centile, referrals, still_waiting."""
    names = {column: name for column, (name, _, _) in CENTILES.items()}
    return waits.unpivot(
        on=list(CENTILES), index=[by, "referrals", "still_waiting"], variable_name="centile", value_name="days"
    ).with_columns(pl.col("centile").replace_strict(names, return_dtype=pl.String), pl.col("days").cast(pl.Int64))


def _coloured() -> dict:
    names = [name for name, _, _ in CENTILES.values()]
    return {
        "color": alt.Color(
            "centile:N",
            legend=None,
            scale=alt.Scale(domain=names, range=[colour for _, colour, _ in CENTILES.values()]),
        ),
        "shape": alt.Shape(
            "centile:N", legend=None, scale=alt.Scale(domain=names, range=[shape for _, _, shape in CENTILES.values()])
        ),
    }


def _tooltip(by: str, title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(f"{by}:N", title=title),
        alt.Tooltip("centile:N", title="Seen by then"),
        alt.Tooltip("days:Q", title="Days", format=",.0f"),
        alt.Tooltip("referrals:Q", title="Referrals"),
        alt.Tooltip("still_waiting:Q", title="Still waiting"),
    ]


def waits_of(waits: pl.DataFrame, title: str) -> tuple[alt.TopLevelMixin, Key]:
    """A line a service or place from the median to the 90th centile, in the order given, and the key.

    `waits` has the columns who, referrals, still_waiting, median_days and ninetieth_days; one that was not reached is not
    drawn. `title`: what a line is of, as in 'Service'.
    """
    y = alt.Y(
        "who:N",
        title=None,
        sort=waits["who"].to_list(),
        axis=alt.Axis(labelLimit=190, domain=False, ticks=False, labelOverlap=False, grid=True),
    )
    x = alt.Scale(zero=True)
    long = _long(waits, "who")
    base = alt.Chart(long).transform_filter("isValid(datum.days)")
    between = waits.drop_nulls(list(CENTILES))
    unreached = waits.filter(pl.col("median_days").is_not_null() & pl.col("ninetieth_days").is_null())
    edge = 1.1 * (long["days"].max() or 0)
    from_half = {"y": y, "x": alt.X("median_days:Q", scale=x, axis=_DAYS)}
    layers = []
    # a layer without a mark would be a picture without words to a screen reader
    if len(unreached):
        open_ended = alt.Chart(unreached.with_columns(edge=pl.lit(edge)))
        layers.append(
            open_ended.mark_rule(color=BETWEEN, strokeWidth=2, strokeDash=[4, 4]).encode(x2="edge:Q", **from_half)
        )
    if len(between):
        layers.append(
            alt.Chart(between).mark_rule(color=BETWEEN, strokeWidth=3).encode(x2="ninetieth_days:Q", **from_half)
        )
    layers.append(
        base.mark_point(filled=True, size=95, opacity=1).encode(
            y=y, x=alt.X("days:Q", scale=x, axis=_DAYS), tooltip=_tooltip("who", title), **_coloured()
        )
    )
    return finished(alt.layer(*layers), 30 * max(waits.height, 1) + 60), KEY + NOT_REACHED * bool(len(unreached))


def waits_over_terms(waits: pl.DataFrame) -> tuple[alt.TopLevelMixin, Key]:
    """Median and 90th centile over the terms, a term in which one was not reached as a gap; `waits` as `over_terms`."""
    data = with_term_labels(waits)
    long = _long(data, "term_label")
    x = term_axis(data["term"].to_list())
    y = alt.Y("days:Q", scale=alt.Scale(zero=True), axis=alt.Axis(title=None, tickMinStep=1, domain=False, ticks=False))
    coloured = _coloured()
    base = alt.Chart(long)
    layers = [
        base.mark_line(strokeWidth=2.5, invalid="break-paths-show-domains").encode(x=x, y=y, color=coloured["color"]),
        base.transform_filter("isValid(datum.days)")
        .mark_point(filled=True, size=75, opacity=1)
        .encode(x=x, y=y, tooltip=_tooltip("term_label", "Term"), **coloured),
    ]
    return finished(alt.layer(*layers), 300), KEY
