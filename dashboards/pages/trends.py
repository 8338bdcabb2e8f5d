"""Trends: one indicator over the terms, for the LA and its phases, or for one school over its peers."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards.about import about, definition_rows, unknown_words
from dashboards.charts import funnels, runs
from dashboards.frame import Frame, current
from dashboards.queries import indicators
from dashboards.words import amount, count_of, group_label, term_label

COLUMNS = {
    "term_label": "Term",
    "area": "Area",
    "value": "Value",
    "numerator": "Number",
    "denominator": "Out of",
    "unknown": "Unknown",
    "lower_95": "95 % from",
    "upper_95": "95 % to",
    "schools_counted": "Schools",
    "schools_missing": "Missing",
}


def choose_indicator(frame: Frame) -> tuple[dict[str, Any], str, str]:
    left, right = st.columns(2)
    indicator = left.selectbox(
        "Indicator",
        options=list(frame.indicators),
        format_func=lambda key: f"{key}  {frame.indicators[key]['name']}",
        key="indicator",
        persist_state="session",
    )
    held = indicators.groups(frame.connection, indicator)
    groups = sorted(held.iter_rows(), key=lambda group: (group[0] != "all", group_label(*group)))
    group_type, group_value = right.selectbox(
        "Pupils", options=groups or [("all", "all")], format_func=lambda group: group_label(*group), key="group"
    )
    return frame.indicators[indicator], group_type, group_value


def table(series: pl.DataFrame, unit: str, columns: list[str], name: str) -> None:
    shown = series.with_columns(
        term_label=pl.col("term").replace_strict(
            {t: term_label(t) for t in series["term"].unique()}, return_dtype=pl.String
        )
    ).select(columns)
    form = "percent" if unit == "rate" else "localized"
    config: dict[str, Any] = {key: st.column_config.Column(COLUMNS.get(key, key)) for key in columns}
    for key in ("value", "lower_95", "upper_95", "median", "lower_quartile", "upper_quartile"):
        if key in columns:
            config[key] = st.column_config.NumberColumn(
                COLUMNS.get(key, LABELS_OF_PEERS.get(key, key)), format="%.1f%%" if form == "percent" else form
            )
    if form == "percent":
        rates = [
            key
            for key in ("value", "lower_95", "upper_95", "median", "lower_quartile", "upper_quartile")
            if key in columns
        ]
        shown = shown.with_columns(pl.col(rates) * 100)
    st.dataframe(shown, hide_index=True, column_config=config, alt=name, height="content")


LABELS_OF_PEERS = {
    "median": "Peers' median",
    "lower_quartile": "Middle half from",
    "upper_quartile": "Middle half to",
    "schools": "Peers",
}
COLUMNS |= LABELS_OF_PEERS


def download(data: pl.DataFrame, frame: Frame, definition: dict[str, Any], group: str, who: str) -> None:
    """Aggregates only: what is offered here lies in the server's memory until the session ends."""
    with_names = data.with_columns(
        indicator_id=pl.lit(definition["id"]),
        indicator=pl.lit(definition["name"]),
        pupils=pl.lit(group),
        published=pl.lit(f"{frame.published_at:%Y-%m-%d %H:%M}"),
    )
    st.download_button(
        "Download these figures (CSV)",
        data=with_names.write_csv(include_bom=True).encode(),
        file_name=f"{definition['id']}_{who}_analysts_only.csv",
        mime="text/csv",
    )
    st.caption("For the LA's analysts: small numbers are not suppressed. `sen export` makes what may be passed on.")


def latest(series: pl.DataFrame, term: str) -> dict[str, Any]:
    return series.filter(term=term).row(0, named=True)


def of_the_la(frame: Frame, definition: dict[str, Any], group_type: str, group_value: str) -> None:
    series = indicators.areas_over_terms(frame.connection, definition["id"], group_type, group_value)
    of_la = series.filter(area_type="la")
    unit = definition["unit"]
    if of_la["value"].is_null().all():
        st.info("No school has had anything to count for this indicator and these pupils.")
        return
    now = latest(of_la, frame.term)
    group = group_label(group_type, group_value)
    chart, beside = st.columns([3, 2], gap="large")
    with chart:
        st.altair_chart(
            runs.run_chart(
                of_la,
                unit,
                definition["target"],
                title=f"{definition['name']}: {amount(now['value'], unit)} in {term_label(frame.term)}",
                subtitle=f"{group}, the LA. {runs.signal(of_la['value'].to_list(), unit)}",
            ),
        )
    with beside:
        table(
            of_la,
            unit,
            [
                "term_label",
                "value",
                "numerator",
                "denominator",
                "unknown",
                "lower_95",
                "upper_95",
                "schools_counted",
                "schools_missing",
            ],
            f"{definition['name']} over the terms",
        )
    about(
        frame,
        definition["name"],
        definition_rows(definition) | chart_rows(now),
        unknown=unknown_words(now["unknown"] or 0),
    )

    st.subheader("The LA against its phases")
    named = series.with_columns(area=pl.when(pl.col("area_type") == "la").then(pl.lit("The LA")).otherwise("area_code"))
    named = named.sort(pl.col("area_type") != "la", "area", maintain_order=True)
    chart, beside = st.columns([3, 2], gap="large")
    with chart:
        st.altair_chart(
            runs.areas_chart(
                named,
                unit,
                definition["target"],
                title=spread_title(named, frame.term, unit),
                subtitle=f"{definition['name']}, {group}",
            ),
        )
    with beside:
        table(
            named.filter(term=frame.term),
            unit,
            [
                "area",
                "value",
                "numerator",
                "denominator",
                "unknown",
                "lower_95",
                "upper_95",
                "schools_counted",
                "schools_missing",
            ],
            f"{definition['name']} by phase, {term_label(frame.term)}",
        )
        st.caption(f"{term_label(frame.term)}; the file holds every term.")
        download(named.drop("area"), frame, definition, group, frame.la_code)
    about(
        frame, f"{definition['name']} by phase", definition_rows(definition), unknown=unknown_words(now["unknown"] or 0)
    )
    if unit == "rate":
        every_school(frame, definition, group_type, group_value, now)


def chart_rows(now: dict[str, Any]) -> dict[str, str]:
    return {
        "Schools": f"{now['schools_counted'] or 0} counted, {now['schools_missing'] or 0} missing",
        "Chart": "Bars are 95 % Wilson intervals; the broken line is the median of the terms; a term without a figure is a gap. "
        f"A shift is {runs.SHIFT} terms in a row on one side of the median, a trend {runs.TREND} steps in a row the same way. "
        "With fewer than 12 terms these are first signs only",
    }


def spread_title(named: pl.DataFrame, term: str, unit: str) -> str:
    phases = named.filter(pl.col("area_type") == "phase", pl.col("term") == term, pl.col("value").is_not_null()).sort(
        "value"
    )
    if len(phases) < 2:
        return "The LA and its phases"
    low, high = phases.row(0, named=True), phases.row(-1, named=True)
    return f"From {amount(low['value'], unit)} ({low['area']}) to {amount(high['value'], unit)} ({high['area']})"


def every_school(
    frame: Frame, definition: dict[str, Any], group_type: str, group_value: str, now: dict[str, Any]
) -> None:
    st.subheader(f"Every school in {term_label(frame.term)}")
    schools = indicators.schools_in_term(frame.connection, definition["id"], group_type, group_value, frame.term)
    if schools.is_empty() or now["value"] is None:
        st.write("No school has anything to count in this term.")
        return
    judged = funnels.outside(schools, now["value"])
    beyond = judged.filter(pl.col("beyond").is_not_null())
    chart, beside = st.columns([3, 2], gap="large")
    with chart:
        st.altair_chart(
            funnels.funnel_chart(
                judged,
                now["value"],
                definition["target"],
                chosen=frame.school,
                title=f"{len(beyond)} of {count_of(len(judged), 'school')} differ from the LA by more than chance",
                subtitle=f"{definition['name']}; the line is the LA's {amount(now['value'], 'rate')}, the funnel what chance would give",
            ),
        )
    with beside:
        shown = judged.sort(pl.col("beyond").is_null(), "value", "name").select(
            pl.col("name").alias("School"),
            (pl.col("value") * 100).alias("Rate"),
            pl.col("numerator").cast(pl.Int64).alias("Number"),
            pl.col("denominator").cast(pl.Int64).alias("Out of"),
            pl.col("unknown").alias("Unknown"),
            pl.col("beyond").fill_null("").alias("Outside"),
        )
        st.dataframe(
            shown,
            hide_index=True,
            height=380,
            column_config={"Rate": st.column_config.NumberColumn(format="%.1f%%")},
            alt=f"Every school: {definition['name']}",
        )
    about(
        frame,
        f"{definition['name']} by school",
        definition_rows(definition)
        | {
            "Funnel": "Exact binomial limits (95 % and 99.8 %) around the LA's rate. It is no league table: of 20 schools "
            "one lies outside 95 % by chance alone"
        },
        unknown=unknown_words(now["unknown"] or 0),
    )


def of_a_school(frame: Frame, definition: dict[str, Any], group_type: str, group_value: str) -> None:
    phase = frame.schools[frame.school]["phase"]
    unit = definition["unit"]
    mine = indicators.school_over_terms(frame.connection, definition["id"], group_type, group_value, frame.school)
    peers = indicators.peers_over_terms(frame.connection, definition["id"], group_type, group_value, phase)
    if mine["value"].is_null().all():
        st.info("This school has had nothing to count for this indicator and these pupils in any term.")
        return
    now, around = latest(mine, frame.term), latest(peers, frame.term)
    chart, beside = st.columns([3, 2], gap="large")
    with chart:
        st.altair_chart(
            runs.peers_chart(
                mine,
                peers,
                unit,
                definition["target"],
                name=frame.school_name,
                title=f"{frame.school_name}: {standing_among(now['value'], around, unit)}",
                subtitle=f"{definition['name']}, {group_label(group_type, group_value)}. Bands: the middle half and the middle four "
                f"fifths of {phase} schools, broken line their median",
            ),
        )
    joined = mine.join(peers, on="term", how="left", maintain_order="left")
    with beside:
        table(
            joined,
            unit,
            [
                "term_label",
                "value",
                "numerator",
                "denominator",
                "unknown",
                "median",
                "lower_quartile",
                "upper_quartile",
                "schools",
            ],
            f"{definition['name']}: {frame.school_name} and its peers",
        )
        download(joined, frame, definition, group_label(group_type, group_value), frame.school)
    about(
        frame,
        definition["name"],
        definition_rows(definition)
        | {
            "Peers": f"The LA's {phase} schools with a figure for the term ({around['schools']} in {term_label(frame.term)}), this one among them",
            "Chart": "Bars are the school's 95 % Wilson intervals; a term without a figure is a gap",
        },
        unknown=unknown_words(now["unknown"] or 0),
    )


def standing_among(value: float | None, peers: dict[str, Any], unit: str) -> str:
    if value is None or peers["median"] is None:
        return "no figure in this term"
    if value < peers["lower_quartile"]:
        where = "below the middle half of its peers"
    elif value > peers["upper_quartile"]:
        where = "above the middle half of its peers"
    else:
        where = "within the middle half of its peers"
    return f"{amount(value, unit)}, {where}"


def main() -> None:
    frame = current()
    definition, group_type, group_value = choose_indicator(frame)
    if frame.school:
        of_a_school(frame, definition, group_type, group_value)
    else:
        of_the_la(frame, definition, group_type, group_value)


main()
