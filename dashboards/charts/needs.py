"""Pupils by need, year group or sex, SEN support and EHC plans beside each other; and how their numbers went."""

import altair as alt
import polars as pl

from dashboards.charts import LINE, PALETTE, SHAPES, Key, finished
from dashboards.charts.runs import term_axis, with_term_labels

PROVISIONS = {"K": ("SEN support", LINE), "E": ("EHC plan", PALETTE[1])}
_NAMES = [name for name, _ in PROVISIONS.values()]
_COLOURS = [colour for _, colour in PROVISIONS.values()]


SEXES = {"F": ("Girls", PALETTE[3]), "M": ("Boys", PALETTE[4])}


def pupils_by(
    counts: pl.DataFrame, order: list[str], title: str, part: str, parts: dict[str, tuple[str, str]]
) -> tuple[alt.TopLevelMixin, Key]:
    """A stacked bar a need or year group, in the order given, and the key.

    `counts` has the columns who, `part` (a code of `parts`: its name and colour) and pupils; `title`: what a bar is of.
    """
    known = counts.filter(pl.col(part).is_in(list(parts)))
    data = known.select(
        "who",
        "pupils",
        position=pl.col(part).replace_strict({code: n for n, code in enumerate(parts)}, return_dtype=pl.Int64),
        part=pl.col(part).replace_strict({code: name for code, (name, _) in parts.items()}, return_dtype=pl.String),
    )
    names, colours = [name for name, _ in parts.values()], [colour for _, colour in parts.values()]
    chart = (
        alt.Chart(data)
        .mark_bar(stroke="#ffffff", strokeWidth=1)
        .encode(
            y=alt.Y(
                "who:N",
                title=None,
                sort=order,
                scale=alt.Scale(domain=order),
                axis=alt.Axis(labelLimit=210, domain=False, ticks=False, labelOverlap=False),
            ),
            x=alt.X(
                "pupils:Q",
                title=None,
                axis=alt.Axis(tickMinStep=1, tickCount=6, format=",.0f", domain=False, ticks=False),
            ),
            color=alt.Color("part:N", legend=None, scale=alt.Scale(domain=names, range=colours)),
            order=alt.Order("position:Q"),
            tooltip=[
                alt.Tooltip("who:N", title=title),
                alt.Tooltip("part:N", title="Of them"),
                alt.Tooltip("pupils:Q", title="Pupils", format=",.0f"),
            ],
        )
    )
    return finished(chart, 26 * len(order) + 40), [(colour, "■", name) for name, colour in parts.values()]


def pupils_over_terms(series: pl.DataFrame) -> tuple[alt.TopLevelMixin, Key]:
    """Pupils on SEN support and with an EHC plan over the terms, and the key; columns term, support, plans."""
    shapes = dict(zip(_NAMES, SHAPES, strict=False))
    data = (
        with_term_labels(series)
        .rename({"support": _NAMES[0], "plans": _NAMES[1]})
        .unpivot(on=_NAMES, index="term_label", variable_name="provision", value_name="pupils")
    )
    base = alt.Chart(data).encode(
        x=term_axis(series["term"].to_list()),
        y=alt.Y(
            "pupils:Q",
            scale=alt.Scale(zero=True),
            axis=alt.Axis(title=None, tickMinStep=1, format=",.0f", domain=False, ticks=False),
        ),
        color=alt.Color("provision:N", legend=None, scale=alt.Scale(domain=_NAMES, range=_COLOURS)),
    )
    points = (
        base.transform_filter("isValid(datum.pupils)")
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            shape=alt.Shape("provision:N", legend=None, scale=alt.Scale(domain=_NAMES, range=list(shapes.values()))),
            tooltip=[
                alt.Tooltip("term_label:N", title="Term"),
                alt.Tooltip("provision:N", title="Provision"),
                alt.Tooltip("pupils:Q", title="Pupils", format=",.0f"),
            ],
        )
    )
    lines = base.mark_line(strokeWidth=2.5, invalid="break-paths-show-domains")
    key = [(colour, SHAPES[shapes[name]], name) for name, colour in PROVISIONS.values()]
    return finished(alt.layer(lines, points), 300), key
