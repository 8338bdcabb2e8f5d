"""A funnel: every school's rate against its number of units, with the limits that chance alone would keep it in."""

from math import exp, lgamma, log

import altair as alt
import polars as pl

from dashboards.charts import INK, LINE, QUIET, finished
from dashboards.words import RATINGS

LIMITS = {"95 %": 0.025, "99.8 %": 0.001}


def limits(rate: float, sizes: list[int]) -> pl.DataFrame:
    """Exact binomial limits around a rate for numbers of units: units, limit (95 %, 99.8 %), low, high (fractions)."""
    rows = []
    for units in sizes:
        cumulated = _cumulated(units, rate)
        for name, tail in LIMITS.items():
            low = next(k for k, below in enumerate(cumulated) if below > tail)
            high = next(k for k, below in enumerate(cumulated) if below >= 1 - tail - 1e-12)
            rows.append({"units": units, "limit": name, "low": low / units, "high": high / units})
    return pl.DataFrame(rows, schema={"units": pl.Int64, "limit": pl.String, "low": pl.Float64, "high": pl.Float64})


def _grid(largest: int) -> list[int]:
    """Every number up to 60, then coarser: the limits hardly move there."""
    grid = list(range(1, min(largest, 60) + 1))
    while grid[-1] < largest:
        grid.append(min(largest, grid[-1] + max(1, grid[-1] // 20)))
    return grid


def _cumulated(units: int, rate: float) -> list[float]:
    if rate in (0.0, 1.0):
        return [1.0 if rate == 0 or k == units else 0.0 for k in range(units + 1)]
    total, cumulated = 0.0, []
    for k in range(units + 1):
        total += exp(
            lgamma(units + 1) - lgamma(k + 1) - lgamma(units - k + 1) + k * log(rate) + (units - k) * log(1 - rate)
        )
        cumulated.append(min(total, 1.0))
    cumulated[-1] = 1.0
    return cumulated


def outside(schools: pl.DataFrame, rate: float) -> pl.DataFrame:
    """`schools` (denominator, value) with `beyond`: null inside, else the widest limit that it lies outside."""
    sizes = schools["denominator"].cast(pl.Int64)
    wide = limits(rate, sizes.unique().sort().to_list()).pivot("limit", index="units", values=["low", "high"])

    def is_beyond(name: str) -> pl.Expr:
        return (pl.col("value") < pl.col(f"low_{name}")) | (pl.col("value") > pl.col(f"high_{name}"))

    return (
        schools.with_columns(units=sizes)
        .join(wide, on="units", how="left", maintain_order="left")
        .with_columns(
            beyond=pl.when(is_beyond("99.8 %"))
            .then(pl.lit("99.8 %"))
            .when(is_beyond("95 %"))
            .then(pl.lit("95 %"))
            .otherwise(None)
        )
        .select(*schools.columns, "beyond")
    )


def funnel_chart(
    schools: pl.DataFrame, rate: float, target: float | None, *, chosen: str | None, title: str, subtitle: str
) -> alt.TopLevelMixin:
    """Every school of a term as a point; `schools` as `schools_in_term` with `beyond`; `rate` is the LA's."""
    largest = int(schools["denominator"].max())
    lines = limits(rate, _grid(largest))
    data = schools.with_columns(
        parts=pl.format("{} of {}", pl.col("numerator").cast(pl.Int64), pl.col("denominator").cast(pl.Int64)),
        where=pl.when(pl.col("urn") == (chosen or ""))
        .then(pl.lit("the school chosen"))
        .when(pl.col("beyond").is_null())
        .then(pl.lit("within chance"))
        .otherwise(pl.format("outside {}", pl.col("beyond"))),
    )
    kinds = ["within chance", "outside 95 %", "outside 99.8 %", "the school chosen"]
    colour = alt.Color(
        "where:N",
        title=None,
        scale=alt.Scale(domain=kinds, range=[QUIET, RATINGS["amber"].colour, RATINGS["red"].colour, LINE]),
    )
    shape = alt.Shape(
        "where:N", title=None, scale=alt.Scale(domain=kinds, range=["circle", "triangle-up", "square", "diamond"])
    )
    x = alt.X(
        "units:Q", title="Units (the rate's denominator)", scale=alt.Scale(domain=[0, largest * 1.03], nice=False)
    )
    y_axis = alt.Axis(format=".0%", title=None, tickCount=5)
    y = {"scale": alt.Scale(domain=[0, 1]), "axis": y_axis}
    base = alt.Chart(lines)
    layers = [
        base.mark_line(color=QUIET, interpolate="step-after", strokeWidth=1).encode(
            x=x,
            y=alt.Y(f"{side}:Q", **y),
            strokeDash=alt.StrokeDash(
                "limit:N", title="Limits", scale=alt.Scale(domain=list(LIMITS), range=[[4, 3], [1, 0]])
            ),
        )
        for side in ("low", "high")
    ]
    layers.append(alt.Chart(pl.DataFrame({"rate": [rate]})).mark_rule(color=INK).encode(y=alt.Y("rate:Q", **y)))
    if target is not None:
        layers.append(
            alt.Chart(pl.DataFrame({"target": [target]}))
            .mark_rule(color=INK, strokeDash=[2, 3])
            .encode(y=alt.Y("target:Q", **y))
        )
    layers.append(
        alt.Chart(data)
        .mark_point(filled=True, size=75, opacity=0.9)
        .encode(
            x=alt.X("denominator:Q"),
            y=alt.Y("value:Q", **y),
            color=colour,
            shape=shape,
            order=alt.Order("beyond:N", sort="ascending"),
            tooltip=[
                alt.Tooltip("name:N", title="School"),
                alt.Tooltip("phase:N", title="Phase"),
                alt.Tooltip("value:Q", title="Rate", format=".1%"),
                alt.Tooltip("parts:N", title="Number"),
                alt.Tooltip("unknown:Q", title="Unknown"),
            ],
        )
    )
    chart = alt.layer(*layers).properties(height=340, width="container")
    return finished(chart, title, subtitle, f"{title}. {subtitle} The table beside it holds the same figures.")
