"""Trends: one indicator over the terms, for the LA and its phases, or for one school over its peers."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, definition_rows, unknown_words
from dashboards.charts import funnels, runs
from dashboards.downloads import download
from dashboards.frame import Frame, current, keep_in_query_string, remember
from dashboards.queries import indicators
from dashboards.words import (
    DASH,
    PHASES,
    amount,
    cases_no_longer_kept,
    count_of,
    group_label,
    html,
    phase_label,
    short_key,
    term_label,
)


def choose_indicator(frame: Frame) -> tuple[dict[str, Any], tuple[str, str]]:
    left, right = st.columns(2)
    remember("indicator", tuple(frame.indicators), next(iter(frame.indicators)))
    indicator = left.selectbox(
        "Indicator",
        options=list(frame.indicators),
        format_func=lambda key: f"{key} {frame.indicators[key]['name']}",
        key="indicator",
    )
    keep_in_query_string("indicator", indicator)
    held = indicators.groups(frame.connection, indicator)
    groups = sorted(held.iter_rows(), key=lambda group: (group[0] != "all", group_label(*group)))
    group = right.selectbox(
        "Pupils", options=groups or [("all", "all")], format_func=lambda group: group_label(*group), key="group"
    )
    return frame.indicators[indicator], group


def number() -> pl.Expr:
    """Numerator and denominator in one cell, as they are read together."""
    both = pl.format("{} of {}", pl.col("numerator").cast(pl.Int64), pl.col("denominator").cast(pl.Int64))
    return pl.when(pl.col("denominator").is_not_null()).then(both).alias("Number")


def figures(series: pl.DataFrame, first: pl.Expr, *more: pl.Expr) -> pl.DataFrame:
    """A series as people read it: value with its number, what is unknown, the interval."""
    unit = series["unit"].drop_nulls().first() or "rate"
    interval = pl.format(
        "{} to {}",
        (pl.col("lower_95") * 100).round(1).cast(pl.String),
        (pl.col("upper_95") * 100).round(1).cast(pl.String),
    )
    return series.select(
        first,
        (pl.col("value") * (100 if unit == "rate" else 1)).alias("Value"),
        number(),
        pl.col("unknown").alias("Unknown"),
        *([interval.alias("95% interval")] if unit == "rate" else []),
        *more,
    )


def table(shown: pl.DataFrame, unit: str, name: str, height: int | str = "content") -> None:
    form = "%.1f%%" if unit == "rate" else "localized"
    values = {
        key: st.column_config.NumberColumn(format=form)
        for key in ("Value", "Median", "Half from", "Half to")
        if key in shown.columns
    }
    st.dataframe(shown, hide_index=True, column_config=values, alt=name, height=height, placeholder=DASH)


def save(frame: Frame, data: pl.DataFrame, definition: dict[str, Any], group: str, who: str) -> None:
    """Offer the series as a file, with what it is of."""
    named = data.with_columns(
        indicator_id=pl.lit(definition["id"]), indicator=pl.lit(definition["name"]), pupils=pl.lit(group)
    )
    download(frame, named, f"{definition['id']}_{who}")


def in_term(series: pl.DataFrame, term: str) -> dict[str, Any]:
    return series.filter(term=term).row(0, named=True)


def heard_of(series: pl.DataFrame) -> bool:
    """Whether there is anything to draw."""
    return not series["value"].is_null().all()


def term_column() -> pl.Expr:
    return pl.col("term").map_elements(term_label, return_dtype=pl.String).alias("Term")


def of_the_la(frame: Frame, definition: dict[str, Any], group: tuple[str, str]) -> None:
    series = indicators.areas_over_terms(frame.connection, definition["id"], *group)
    of_la = series.filter(area_type="la")
    if not heard_of(of_la):
        st.info("No school has had anything to count for this indicator and these pupils.")
        return
    over_the_terms(frame, definition, group, of_la)
    against_the_phases(frame, definition, group, series)
    if definition["unit"] == "rate":
        every_school(frame, definition, group, in_term(of_la, frame.term))


def over_the_terms(frame: Frame, definition: dict[str, Any], group: tuple[str, str], of_la: pl.DataFrame) -> None:
    now, unit = in_term(of_la, frame.term), definition["unit"]
    chart, beside = st.columns([4, 3], gap="large")
    with chart:
        drawn, key = runs.run_chart(of_la, unit, now["target"])
        look.figure(
            drawn,
            title=f"{definition['name']}: {amount(now['value'], unit)} in {term_label(frame.term)}",
            subtitle=f"The LA, {group_label(*group).lower()}. {runs.signal(of_la['value'].to_list(), unit)}",
            key=key,
        )
    with beside:
        schools = pl.format("{} ({} missing)", "schools_counted", "schools_missing").alias("Schools")
        table(figures(of_la, term_column(), schools), unit, f"{definition['name']} over the terms")
    about(
        frame,
        definition["name"],
        definition_rows(definition, now["target"])
        | {
            "Schools": f"{now['schools_counted'] or 0} counted, {now['schools_missing'] or 0} missing",
            "Chart": "Bars are 95% Wilson intervals; the broken line is the median of the terms; a term without a figure "
            f"is a gap. A shift is {runs.SHIFT} terms in a row on one side of the median, a trend {runs.TREND} steps in a "
            f"row the same way; with fewer than {runs.SETTLED} terms these are first signs only",
            "Control limits": f"Of an XmR chart: the mean of the terms, and {runs.WIDTH} times their mean moving range below "
            f"and above it; from {runs.SHIFT} terms on, and trial limits below {runs.SETTLED}",
        },
        unknown=unknown_words(now["unknown"] or 0),
    )


def against_the_phases(frame: Frame, definition: dict[str, Any], group: tuple[str, str], series: pl.DataFrame) -> None:
    st.header("The LA against its phases", anchor=False)
    unit = definition["unit"]
    is_la = pl.col("area_type") == "la"
    named = series.with_columns(
        area=pl.when(is_la).then(pl.lit("The LA")).otherwise(pl.col("area_code").replace(PHASES))
    ).sort(~is_la, "area", maintain_order=True)
    now = named.filter(term=frame.term)
    target = in_term(series.filter(is_la), frame.term)["target"]
    chart, beside = st.columns([4, 3], gap="large")
    with chart:
        drawn, key = runs.areas_chart(named, unit, target)
        look.figure(
            drawn,
            title=spread(now.filter(~is_la), unit),
            subtitle=f"{definition['name']}, {group_label(*group).lower()}",
            key=key,
        )
    with beside:
        st.html(f'<p class="subfinding">{html(term_label(frame.term))}</p>')
        schools = pl.format("{} ({} missing)", "schools_counted", "schools_missing").alias("Schools")
        table(figures(now, pl.col("area").alias("Area"), schools), unit, f"{definition['name']} by phase")
        save(frame, named.drop("area"), definition, group_label(*group), frame.la_code)
    about(
        frame,
        f"{definition['name']} by phase",
        definition_rows(definition, target),
        unknown="; ".join(f"{row['area']}: {row['unknown'] or 0}" for row in now.iter_rows(named=True)),
    )


def spread(phases: pl.DataFrame, unit: str) -> str:
    """The finding of the phases' chart."""
    known = phases.filter(pl.col("value").is_not_null()).sort("value")
    if len(known) < 2:
        return "The LA and its phases"
    low, high = known.row(0, named=True), known.row(-1, named=True)
    return f"From {amount(low['value'], unit)} ({low['area']}) to {amount(high['value'], unit)} ({high['area']})"


def every_school(frame: Frame, definition: dict[str, Any], group: tuple[str, str], now: dict[str, Any]) -> None:
    st.header(f"Every school in {term_label(frame.term)}", anchor=False)
    schools = indicators.schools_in_term(frame.connection, definition["id"], *group, frame.term)
    if schools.is_empty() or now["value"] is None:
        st.write("No school has anything to count in this term.")
        return
    if schools["denominator"].max() == 1:
        who_does_not(definition, schools)
        about(
            frame,
            f"{definition['name']} by school",
            definition_rows(definition, now["target"])
            | {
                "No funnel": "Each school is one unit, which meets it or does not: there is no rate of a school to compare"
            },
            unknown=unknown_words(now["unknown"] or 0),
        )
        return
    schools = schools.filter(pl.col("denominator") > 0)
    judged = funnels.outside(schools, now["value"])
    beyond = len(judged.filter(pl.col("beyond").is_not_null()))
    chart, beside = st.columns([4, 3], gap="large")
    with chart:
        drawn, key = funnels.funnel_chart(judged, now["value"], now["target"])
        look.figure(
            drawn,
            title=f"{beyond} of {count_of(len(judged), 'school')} differ{'s' if beyond == 1 else ''} from the LA by more than chance",
            subtitle=f"{definition['name']}: each school's rate against how many it is out of",
            key=key,
        )
    with beside:
        shown = judged.sort(pl.col("beyond").is_null(), "value", "name").select(
            pl.col("name").alias("School"),
            (pl.col("value") * 100).alias("Value"),
            number(),
            pl.col("beyond").alias("Outside"),
            pl.col("unknown").alias("Unknown"),
            pl.col("phase").replace(PHASES).alias("Phase"),
        )
        table(shown, "rate", f"Every school: {definition['name']}", height=min(480, 38 + 35 * len(shown)))
    about(
        frame,
        f"{definition['name']} by school",
        definition_rows(definition, now["target"])
        | {
            "Funnel": "Exact binomial limits (95% and 99.8%) around the LA's rate. It is no league table: of 20 schools one "
            "lies outside 95% by chance alone"
        },
        unknown=unknown_words(now["unknown"] or 0),
    )


def who_does_not(definition: dict[str, Any], schools: pl.DataFrame) -> None:
    """Every school that is one unit: those that do not meet it first, then those of which it is not known."""
    unmet = pl.col("denominator").eq(1) & pl.col("numerator").eq(0)
    unknown = pl.col("denominator").eq(0)
    standing = pl.when(unmet).then(pl.lit("Does not meet it")).when(unknown).then(pl.lit("Not known"))
    shown = schools.sort(unmet, unknown, "name", descending=[True, True, False]).select(
        pl.col("name").alias("School"),
        standing.otherwise(pl.lit("Meets it")).alias("Standing"),
        pl.col("phase").replace(PHASES).alias("Phase"),
    )
    count = len(schools.filter(unmet))
    st.html(
        f'<p class="finding">{count} of {count_of(len(schools), "school")} {"does" if count == 1 else "do"} not meet it</p>'
        f'<p class="subfinding">{html(definition["name"])}</p>'
    )
    st.dataframe(
        shown, hide_index=True, alt=f"Every school: {definition['name']}", height=min(480, 38 + 35 * len(shown))
    )


def of_a_school(frame: Frame, definition: dict[str, Any], group: tuple[str, str]) -> None:
    phase, unit = frame.schools[frame.school]["phase"], definition["unit"]
    mine = indicators.school_over_terms(frame.connection, definition["id"], *group, frame.school)
    peers = indicators.peers_over_terms(frame.connection, definition["id"], *group, phase)
    if not heard_of(mine):
        st.info("This school has had nothing to count for this indicator and these pupils in any term.")
        return
    now, around = in_term(mine, frame.term), in_term(peers, frame.term)
    chart, beside = st.columns([4, 3], gap="large")
    with chart:
        drawn, key = runs.peers_chart(mine, peers, unit, now["target"])
        look.figure(
            drawn,
            title=f"{frame.school_name}: {standing_among(now['value'], around, unit)}",
            subtitle=f"{definition['name']}, {group_label(*group).lower()}; its peers are the LA's schools of its phase ({phase_label(phase)})",
            key=key,
        )
    joined = mine.join(peers, on="term", how="left", maintain_order="left")
    with beside:
        times = 100 if unit == "rate" else 1
        table(
            figures(
                joined,
                term_column(),
                (pl.col("median") * times).alias("Median"),
                (pl.col("lower_quartile") * times).alias("Half from"),
                (pl.col("upper_quartile") * times).alias("Half to"),
                pl.col("schools").alias("Peers"),
            ),
            unit,
            f"{definition['name']}: {frame.school_name} and its peers",
        )
        save(frame, joined, definition, group_label(*group), frame.school)
    about(
        frame,
        definition["name"],
        definition_rows(definition, now["target"])
        | {
            "Peers": f"The LA's schools of its phase ({phase_label(phase)}) with a figure for the term ({around['schools']} in {term_label(frame.term)}), "
            "this one among them; the middle half lies between their quartiles",
            "Chart": "Upright lines are the school's 95% Wilson intervals; a term without a figure is a gap",
        },
        unknown=unknown_words(now["unknown"] or 0),
    )
    if group == ("all", "all"):
        units_behind(frame, definition)


def units_behind(frame: Frame, definition: dict[str, Any]) -> None:
    """The drill from the school's figure to what it is made of: those that speak against the school first."""
    units = indicators.units_in_term(frame.connection, definition["id"], frame.school, frame.term)
    # a median and an amount are not made of units
    is_gone = not frame.has_cases and definition["unit"] in ("rate", "count")
    if units.is_empty() and not is_gone:
        return
    st.header(f"What the figure of {term_label(frame.term)} is made of", anchor=False)
    if is_gone:
        st.info(cases_no_longer_kept(frame.term))
        return
    speaks_against = pl.col("is_met") if definition["polarity"] == "lower" else ~pl.col("is_met")
    counted = pl.when("is_met").then(pl.lit("Yes")).when(pl.col("is_met").is_null()).then(pl.lit("Not known"))
    detail = pl.col("unit_id").str.extract(r"[/:](.+)$", 1)
    shown = units.sort(speaks_against, descending=True, nulls_last=True, maintain_order=True).select(
        pl.col("pupil_key").map_elements(short_key, return_dtype=pl.String).fill_null("The school").alias("Pupil"),
        detail.alias("Dated"),
        counted.otherwise(pl.lit("No")).alias("In the numerator"),
    )
    table(
        shown if shown["Dated"].null_count() < len(shown) else shown.drop("Dated"),
        definition["unit"],
        f"{definition['name']}: {count_of(len(shown), 'unit')} of {frame.school_name}",
        height=min(480, 38 + 35 * len(shown)),
    )


def standing_among(value: float | None, peers: dict[str, Any], unit: str) -> str:
    """The finding of the school's chart."""
    if value is None or peers["median"] is None:
        return "no figure in this term"
    if value < peers["lower_quartile"]:
        where = "below the middle half of its peers"
    elif value > peers["upper_quartile"]:
        where = "above the middle half of its peers"
    else:
        where = "within the middle half of its peers"
    return f"{amount(value, unit)}, {where} (median {amount(peers['median'], unit)})"


def main() -> None:
    frame = current()
    definition, group = choose_indicator(frame)
    if frame.school:
        of_a_school(frame, definition, group)
    else:
        of_the_la(frame, definition, group)


main()
