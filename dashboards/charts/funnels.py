"""A funnel: every school's rate against its number of units, with the limits that chance alone would keep it in."""

from math import exp, lgamma, log

import altair as alt
import polars as pl

from dashboards.charts import INK, QUIET, SHAPES, Key, finished
from dashboards.charts.runs import target_rule
from dashboards.words import RATINGS

LIMITS = {"95%": 0.025, "99.8%": 0.001}
KINDS = {
    "within chance": (QUIET, "circle"),
    "outside 95%": (RATINGS["amber"].colour, "triangle-up"),
    "outside 99.8%": (RATINGS["red"].colour, "square"),
}


def limits(rate: float, sizes: list[int]) -> pl.DataFrame:
    """Exact binomial limits around a rate for numbers of units: units, limit (95%, 99.8%), low, high (fractions)."""
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
            beyond=pl.when(is_beyond("99.8%"))
            .then(pl.lit("99.8%"))
            .when(is_beyond("95%"))
            .then(pl.lit("95%"))
            .otherwise(None)
        )
        .select(*schools.columns, "beyond")
    )


def funnel_chart(schools: pl.DataFrame, rate: float, target: float | None) -> tuple[alt.TopLevelMixin, Key]:
    """Every school of a term as a point, and the key; `schools` as `schools_in_term` with `beyond`, `rate` the LA's."""
    largest = int(schools["denominator"].max())
    data = schools.with_columns(
        parts=pl.format("{} of {}", pl.col("numerator").cast(pl.Int64), pl.col("denominator").cast(pl.Int64)),
        where=pl.coalesce(pl.format("outside {}", pl.col("beyond")), pl.lit("within chance")),
    )
    x = alt.Scale(domain=[0, largest * 1.04], nice=False)
    y = {
        "scale": alt.Scale(domain=[0, 1]),
        "axis": alt.Axis(format=".0%", title=None, tickCount=5, domain=False, ticks=False),
    }
    lines = limits(rate, _grid(largest))
    layers = []
    for name, dash in (("95%", [4, 3]), ("99.8%", [1, 0])):
        base = alt.Chart(lines.filter(limit=name)).mark_line(color=QUIET, strokeWidth=1, strokeDash=dash)
        layers += [
            base.encode(
                x=alt.X("units:Q", title="Out of (pupils, reviews or plans)", scale=x, axis=alt.Axis(tickCount=8)),
                y=alt.Y(f"{side}:Q", **y),
            )
            for side in ("low", "high")
        ]
    layers.append(alt.Chart(pl.DataFrame({"rate": [rate]})).mark_rule(color=INK).encode(y=alt.Y("rate:Q", **y)))
    layers += target_rule(target)
    layers.append(
        alt.Chart(data)
        .mark_point(filled=True, size=75, opacity=0.85)
        .encode(
            x=alt.X("denominator:Q", scale=x),
            y=alt.Y("value:Q", **y),
            color=alt.Color(
                "where:N", legend=None, scale=alt.Scale(domain=list(KINDS), range=[c for c, _ in KINDS.values()])
            ),
            shape=alt.Shape(
                "where:N", legend=None, scale=alt.Scale(domain=list(KINDS), range=[s for _, s in KINDS.values()])
            ),
            tooltip=[
                alt.Tooltip("name:N", title="School"),
                alt.Tooltip("phase:N", title="Phase"),
                alt.Tooltip("value:Q", title="Rate", format=".1%"),
                alt.Tooltip("parts:N", title="Number"),
                alt.Tooltip("unknown:Q", title="Unknown"),
            ],
        )
    )
    key = [(colour, SHAPES[shape], name) for name, (colour, shape) in KINDS.items()]
    key += [(INK, "━", f"the LA, {rate:.1%}"), (QUIET, "╌", "95% limits"), (QUIET, "─", "99.8% limits")]
    return finished(alt.layer(*layers), 380), key
