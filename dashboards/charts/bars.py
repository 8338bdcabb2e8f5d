"""Bars: counts of cases, plans, returns and rules."""

import altair as alt
import polars as pl

from dashboards.charts import PALETTE, finished
from dashboards.words import STATUSES, term_label


def count_bars(
    counts: pl.DataFrame, *, bars: str, parts: str, number: str, title: str, subtitle: str, order: list[str]
) -> alt.TopLevelMixin:
    """Horizontal stacked bars of whole numbers; columns `bars` (a bar), `parts` (a colour, in `order`), `number`."""
    data = counts.with_columns(
        position=pl.col(parts).replace_strict({p: n for n, p in enumerate(order)}, default=len(order))
    )
    height = max(120, 26 * counts[bars].n_unique() + 30)
    chart = (
        alt.Chart(data)
        .mark_bar(stroke="#ffffff", strokeWidth=1)
        .encode(
            y=alt.Y(
                f"{bars}:N",
                title=None,
                sort=alt.EncodingSortField(number, op="sum", order="descending"),
                axis=alt.Axis(labelLimit=190),
            ),
            x=alt.X(f"{number}:Q", title=None, axis=alt.Axis(tickMinStep=1, format=",.0f")),
            color=alt.Color(f"{parts}:N", title=None, scale=alt.Scale(domain=order, range=PALETTE[: len(order)])),
            order=alt.Order("position:Q"),
            tooltip=[
                alt.Tooltip(f"{bars}:N", title=" "),
                alt.Tooltip(f"{parts}:N", title="  "),
                alt.Tooltip(f"{number}:Q", title="Number"),
            ],
        )
        .properties(height=height, width="container")
    )
    return finished(chart, title, subtitle, f"{title}. {subtitle} The table on this page holds the same figures.")


def status_over_terms(counts: pl.DataFrame, *, title: str, subtitle: str) -> alt.TopLevelMixin:
    """How many schools had each status, a column a term; `counts` as `queries.returns.over_terms`."""
    words = {key: f"{status.shape} {status.word}" for key, status in STATUSES.items()}
    order = list(words)[::-1]
    data = counts.with_columns(
        word=pl.col("status").replace_strict(words),
        term_label=pl.col("term").replace_strict(
            {t: term_label(t) for t in counts["term"].unique()}, return_dtype=pl.String
        ),
        position=pl.col("status").replace_strict({key: n for n, key in enumerate(order)}),
    )
    terms = data["term_label"].unique(maintain_order=True).to_list()
    chart = (
        alt.Chart(data)
        .mark_bar(stroke="#ffffff", strokeWidth=1)
        .encode(
            x=alt.X(
                "term_label:N",
                sort=terms,
                axis=alt.Axis(title=None, labelAngle=0, labelExpr="[slice(datum.value, 0, 3), slice(datum.value, -7)]"),
            ),
            y=alt.Y("schools:Q", title="Schools", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "word:N",
                title=None,
                scale=alt.Scale(domain=[words[key] for key in order], range=[STATUSES[key].colour for key in order]),
            ),
            order=alt.Order("position:Q"),
            tooltip=[
                alt.Tooltip("term_label:N", title="Term"),
                alt.Tooltip("word:N", title="Status"),
                alt.Tooltip("schools:Q", title="Schools"),
            ],
        )
        .properties(height=280, width="container")
    )
    return finished(chart, title, subtitle, f"{title}. {subtitle} The table beside it holds the same figures.")
