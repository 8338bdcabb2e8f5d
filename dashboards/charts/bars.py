"""Bars: counts of cases, plans, returns and rules."""

import itertools

import altair as alt
import polars as pl

from dashboards.charts import PALETTE, Key, finished
from dashboards.charts.runs import term_axis, with_term_labels
from dashboards.words import STATUSES


def count_bars(
    counts: pl.DataFrame, *, bars: str, parts: str, number: str, order: list[str]
) -> tuple[alt.TopLevelMixin, Key]:
    """Horizontal stacked bars of whole numbers, the longest first, and the key.

    `counts` has the columns `bars` (a bar), `parts` (a colour, in `order`) and `number`.
    """
    data = counts.with_columns(
        position=pl.col(parts).replace_strict({part: n for n, part in enumerate(order)}, default=len(order))
    )
    colours = list(itertools.islice(itertools.cycle(PALETTE), len(order)))
    chart = (
        alt.Chart(data)
        .mark_bar(stroke="#ffffff", strokeWidth=1)
        .encode(
            y=alt.Y(
                f"{bars}:N",
                title=None,
                sort=alt.EncodingSortField(number, op="sum", order="descending"),
                axis=alt.Axis(labelLimit=170, domain=False, ticks=False, labelOverlap=False),
            ),
            x=alt.X(f"{number}:Q", title=None, axis=alt.Axis(tickMinStep=1, format=",.0f", domain=False, ticks=False)),
            color=alt.Color(f"{parts}:N", legend=None, scale=alt.Scale(domain=order, range=colours)),
            order=alt.Order("position:Q"),
            tooltip=[
                alt.Tooltip(f"{bars}:N", title="Bar"),
                alt.Tooltip(f"{parts}:N", title="Part"),
                alt.Tooltip(f"{number}:Q", title="Number"),
            ],
        )
    )
    shown = [(colour, "■", part) for colour, part in zip(colours, order, strict=True) if part in set(counts[parts])]
    return finished(chart, 28 * counts[bars].n_unique() + 40), shown


def status_over_terms(counts: pl.DataFrame) -> tuple[alt.TopLevelMixin, Key]:
    """How many schools had each status, a column a term, and the key; `counts` as `queries.returns.over_terms`."""
    best_first = list(STATUSES)[::-1]
    data = with_term_labels(counts).with_columns(
        word=pl.col("status").replace_strict({key: status.word for key, status in STATUSES.items()}),
        position=pl.col("status").replace_strict({key: n for n, key in enumerate(best_first)}),
    )
    words = [STATUSES[key].word for key in best_first]
    colours = [STATUSES[key].colour for key in best_first]
    chart = (
        alt.Chart(data)
        .mark_bar(stroke="#ffffff", strokeWidth=1)
        .encode(
            x=term_axis(data["term"].unique(maintain_order=True).to_list()),
            y=alt.Y("schools:Q", title=None, axis=alt.Axis(tickMinStep=1, domain=False, ticks=False)),
            color=alt.Color("word:N", legend=None, scale=alt.Scale(domain=words, range=colours)),
            order=alt.Order("position:Q"),
            tooltip=[
                alt.Tooltip("term_label:N", title="Term"),
                alt.Tooltip("word:N", title="Status"),
                alt.Tooltip("schools:Q", title="Schools"),
            ],
        )
    )
    return finished(chart, 300), [(colour, "■", word) for colour, word in zip(colours, words, strict=True)]
