"""Areas against each other: published figures of the LA, its region, its neighbours and England."""

import altair as alt
import polars as pl

from dashboards.charts import INK, LINE, PALETTE, SHAPES, Key, finished

STYLES = {
    "la": (LINE, "circle"),
    "statistical_neighbours": (PALETTE[1], "square"),
    "region": (PALETTE[2], "triangle-up"),
    "country": (INK, "diamond"),
}


def _axis(unit: str) -> alt.Axis:
    form = "%" if unit == "percent" else ""
    return alt.Axis(
        title=None, labelExpr=f"format(datum.value, ',') + '{form}'", tickCount=5, domain=False, ticks=False
    )


def areas_over_periods(figures: pl.DataFrame, unit: str) -> tuple[alt.TopLevelMixin, Key]:
    """A line an area over the periods, and the key; a period without a figure is a gap.

    `figures` has the columns area_type, area, period (as people say it, in order), value and parts.
    """
    kinds = [kind for kind in STYLES if kind in set(figures["area_type"])]
    names = [figures.filter(area_type=kind)["area"][0] for kind in kinds]
    colours, shapes = [STYLES[kind][0] for kind in kinds], [STYLES[kind][1] for kind in kinds]
    periods = figures["period"].unique().sort().to_list()
    base = alt.Chart(figures).encode(
        x=alt.X(
            "period:N",
            sort=periods,
            axis=alt.Axis(title=None, labelAngle=0, domain=False, ticks=False),
            scale=alt.Scale(),
        ),
        y=alt.Y("value:Q", scale=alt.Scale(zero=True), axis=_axis(unit)),
        color=alt.Color("area:N", legend=None, scale=alt.Scale(domain=names, range=colours)),
        tooltip=[
            alt.Tooltip("area:N", title="Area"),
            alt.Tooltip("period:N", title="Period"),
            alt.Tooltip("value:Q", title="Value", format=",.1f" if unit == "percent" else ",.0f"),
            alt.Tooltip("parts:N", title="Number"),
        ],
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        shape=alt.Shape("area:N", legend=None, scale=alt.Scale(domain=names, range=shapes))
    )
    key = [(colour, SHAPES[shape], name) for colour, shape, name in zip(colours, shapes, names, strict=True)]
    return finished(alt.layer(base.mark_line(strokeWidth=2), points), 330), key


def areas_as_bars(figures: pl.DataFrame, unit: str) -> tuple[alt.TopLevelMixin, Key]:
    """A bar an area, the largest first, the LA in its own colour; columns area, is_la, value, parts."""
    chart = (
        alt.Chart(figures)
        .mark_bar()
        .encode(
            y=alt.Y(
                "area:N",
                title=None,
                sort=figures["area"].to_list(),
                axis=alt.Axis(labelLimit=220, domain=False, ticks=False, labelOverlap=False),
            ),
            x=alt.X("value:Q", axis=_axis(unit)),
            color=alt.Color("is_la:N", legend=None, scale=alt.Scale(domain=[True, False], range=[LINE, "#8796a5"])),
            tooltip=[
                alt.Tooltip("area:N", title="LA"),
                alt.Tooltip("value:Q", title="Value", format=",.1f" if unit == "percent" else ",.0f"),
                alt.Tooltip("parts:N", title="Number"),
            ],
        )
    )
    return finished(chart, 26 * len(figures) + 40), [(LINE, "■", "the LA"), ("#8796a5", "■", "a statistical neighbour")]
