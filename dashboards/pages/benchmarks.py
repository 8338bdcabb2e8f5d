"""Benchmarks: the LA beside its region, its statistical neighbours and England, as DfE published it."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, about_html
from dashboards.charts.areas import areas_as_bars, areas_over_periods
from dashboards.frame import Frame, current, keep_in_query_string, remember
from dashboards.queries import benchmarks
from dashboards.words import DASH, count_of, html

AREAS = {
    "la": "This LA",
    "statistical_neighbours": "Statistical neighbours",
    "region": "Region",
    "country": "England",
}
LICENCE = "Contains public sector information licensed under the Open Government Licence v3.0"


def period_label(period: str) -> str:
    """`202425` as `2024/25`; a calendar year as it is."""
    return f"{period[:4]}/{period[4:]}" if len(period) == 6 else period


def figure_of(row: dict[str, Any], unit: str) -> str:
    """The published figure, or the symbol that stands in its place."""
    if row["value"] is None:
        return row["symbol"] or DASH
    return f"{row['value']:.1f}%" if unit == "percent" else f"{row['value']:,.0f}"


def parts_of(row: dict[str, Any]) -> str:
    """Numerator and denominator, and how many of several LAs they are of."""
    parts = ""
    if row["numerator"] is not None and row["denominator"]:
        parts = f"{row['numerator']:,.0f} of {row['denominator']:,.0f}"
    if row.get("areas", 1) > 1:
        parts += f"{', ' if parts else ''}{row['areas_with_figure']} of {row['areas']} LAs"
    return parts


def area_name(row: dict[str, Any]) -> str:
    """The release's own name of the area; the neighbours have one together."""
    return row["area_name"] or AREAS[row["area_type"]]


def nothing_there() -> None:
    """What to do without a release."""
    st.info(
        "No DfE release has been loaded, so there is nothing to compare with; every other page works without. Download "
        "a release's ZIP from explore education statistics ('Education, health and care plans'), put it into "
        "reference/ees in the data folder, with a CSV of statistical neighbours beside it if you have one, and "
        "run `sen run`."
    )


def choose_measure(measures: pl.DataFrame) -> dict[str, Any]:
    rows = {row["measure"]: row for row in measures.iter_rows(named=True)}
    remember("measure", tuple(rows), next(iter(rows)))
    chosen = st.selectbox(
        "Measure",
        options=list(rows),
        format_func=lambda key: f"{rows[key]['theme']}: {rows[key]['name']}",
        key="measure",
    )
    keep_in_query_string("measure", chosen)
    return rows[chosen]


def about_rows(frame: Frame, measure: dict[str, Any], releases: list[str], period: str) -> dict[str, str]:
    beside = frame.indicators.get(measure["beside"] or "")
    return {
        "Measure": measure["name"],
        "Period": f"{period_label(period)}: DfE's, and not the term chosen above",
        "Statistical neighbours": "All their cases together, of the LAs that have a figure; not a mean of their percentages"
        if measure["unit"] == "percent"
        else "Their sum, of the LAs that have a figure",
        "Our own": f"{beside['id']} {beside['name']}, from the schools' returns and the LA's own files"
        if beside
        else "",
        "Source": f"DfE, explore education statistics: {'; '.join(releases)}. {LICENCE}",
    }


def headlines(frame: Frame, measure: dict[str, Any], newest: pl.DataFrame, told: dict[str, str]) -> None:
    tiles = []
    for row in newest.iter_rows(named=True):
        name = AREAS[row["area_type"]]
        words = parts_of(row) or area_name(row)
        if row["area_type"] in ("la", "region"):
            words = f"{area_name(row)}: {parts_of(row)}" if parts_of(row) else area_name(row)
        colour = "#0b5fa5" if row["area_type"] == "la" else "#55606b"
        tiles.append(look.headline(name, figure_of(row, measure["unit"]), words, about_html(frame, name, told), colour))
    look.tiles(tiles, headlines=True)


def over_the_periods(measure: dict[str, Any], figures: pl.DataFrame, is_comparable: bool) -> None:
    shown = [
        {
            "area_type": row["area_type"],
            "area": area_name(row),
            "period": period_label(row["time_period"]),
            "value": row["value"],
            "parts": parts_of(row),
            "figure": figure_of(row, measure["unit"]),
        }
        for row in figures.iter_rows(named=True)
    ]
    data = pl.DataFrame(shown, infer_schema_length=None)
    drawn = data if is_comparable else data.filter(area_type="la")
    if drawn.filter(pl.col("value").is_not_null())["period"].n_unique() > 1:
        chart, key = areas_over_periods(drawn, measure["unit"])
        look.figure(
            chart,
            title=f"{measure['name']}: the LA and others over the years"
            if is_comparable
            else f"{measure['name']}: the LA",
            subtitle="As DfE published it; a period without a figure is a gap"
            if is_comparable
            else "As DfE published it. The counts of larger areas stand in the table: they are no yardstick",
            key=key,
        )
    wide = data.pivot("period", index="area", values="figure", aggregate_function="first").rename({"area": "Area"})
    st.dataframe(wide, hide_index=True, alt=f"{measure['name']} by area and period", placeholder=DASH)


def against_neighbours(frame: Frame, measure: dict[str, Any], period: str) -> None:
    near = benchmarks.neighbours(frame.connection, measure["measure"], period)
    if near.filter(area_type="statistical_neighbours").is_empty():
        st.info(
            "The LA's statistical neighbours are not known. A CSV with 'neighbours' in its name in reference/ees says "
            "them: a column an LA, and below it the names of its neighbours."
        )
        return
    rows = [
        {
            "area": row["area_name"],
            "is_la": row["area_type"] == "la",
            "value": row["value"],
            "parts": parts_of(row),
            "figure": figure_of(row, measure["unit"]),
        }
        for row in near.iter_rows(named=True)
    ]
    data = pl.DataFrame(rows, infer_schema_length=None)
    with_figure = data.drop_nulls("value")
    if not with_figure.is_empty():
        chart, key = areas_as_bars(with_figure, measure["unit"])
        look.figure(
            chart,
            title=f"{measure['name']}: the LA among its statistical neighbours",
            subtitle=f"{period_label(period)}, {count_of(len(with_figure), 'LA')} with a figure. Neighbours are alike, not equal: no ranking of merit",
            key=key,
        )
    st.dataframe(
        data.select(pl.col("area").alias("LA"), pl.col("figure").alias("Figure"), pl.col("parts").alias("Number")),
        hide_index=True,
        alt=f"{measure['name']} of the LA and its statistical neighbours",
        placeholder=DASH,
    )


def what_the_release_says(frame: Frame, measure: dict[str, Any], releases: list[str]) -> None:
    notes = benchmarks.notes(frame.connection, measure["measure"], releases)
    legend = notes.drop_nulls("symbol")
    lines = [f"<strong>{html(title)}</strong>" for title in releases]
    if legend.is_empty():
        lines.append("No legend came with it: a letter in a figure's place is shown as it is, and means no number.")
    lines += [
        f"<strong>{html(row['symbol'])}</strong> {html(row['note'])}"
        + (f' <span class="quiet">({html(row["release"])})</span>' if len(releases) > 1 else "")
        for row in legend.iter_rows(named=True)
    ]
    lines += [html(row["note"]) for row in notes.filter(pl.col("symbol").is_null()).iter_rows(named=True)]
    look.lines(lines)


def all_measures(measures: pl.DataFrame, figures: pl.DataFrame) -> None:
    newest = figures.filter(pl.col("time_period") == pl.col("time_period").max().over("measure"))
    units = dict(measures.select("measure", "unit").iter_rows())
    shown = pl.DataFrame(
        [
            {
                "measure": row["measure"],
                "area": AREAS[row["area_type"]],
                "figure": figure_of(row, units[row["measure"]]),
                "period": period_label(row["time_period"]),
            }
            for row in newest.iter_rows(named=True)
            if row["measure"] in units
        ]
    )
    wide = shown.pivot("area", index=["measure", "period"], values="figure", aggregate_function="first")
    there = [area for area in AREAS.values() if area in wide.columns]
    table = measures.join(wide, on="measure", maintain_order="left").select(
        pl.col("theme").alias("Theme"), pl.col("name").alias("Measure"), pl.col("period").alias("Period"), *there
    )
    st.dataframe(
        table,
        hide_index=True,
        height=38 + 35 * len(table),
        alt="Every measure: the LA, its neighbours, its region and England",
        placeholder=DASH,
    )


def main() -> None:
    frame = current()
    st.write(
        "The LA beside its statistical neighbours, its region and England, as DfE published it: of DfE's own periods, "
        "whatever the term above."
    )
    measures = benchmarks.measures(frame.connection)
    if measures.is_empty():
        nothing_there()
        return
    figures = benchmarks.areas(frame.connection)
    measure = choose_measure(measures)
    of_measure = figures.filter(measure=measure["measure"])
    period = of_measure["time_period"].max()
    releases = benchmarks.releases(frame.connection, measure["measure"])
    told = about_rows(frame, measure, releases, period)
    if of_measure.filter(area_type="la").is_empty():
        st.info(f"The release has no figure of LA {frame.la_code}: what follows is of the others alone.")
    headlines(frame, measure, of_measure.filter(time_period=period), told)
    st.header("Over the years", anchor=False)
    over_the_periods(measure, of_measure, is_comparable=measure["unit"] == "percent")
    about(frame, measure["name"], told)
    st.header("Among its statistical neighbours", anchor=False)
    against_neighbours(frame, measure, period)
    st.header("What the release says", anchor=False)
    what_the_release_says(frame, measure, releases)
    st.header("Every measure", anchor=False)
    all_measures(measures, figures)
    about(frame, "Every measure", told | {"Measure": "", "Period": "The newest of each measure", "Our own": ""})


main()
