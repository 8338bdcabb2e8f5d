"""Needs: pupils on SEN support and with an EHC plan by need, year group and sex (OUT01)."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, about_html
from dashboards.charts import needs
from dashboards.downloads import download
from dashboards.frame import Frame, current
from dashboards.queries import profile_of_needs
from dashboards.words import DASH, PHASES, code_labels, count_of, label, percent, term_label

AREAS = {"phase": "Phase", "trust": "Trust", "school": "School"}
SOURCES = {"census": "School census", "register": "SEN register", "both": "Both"}
UNKNOWN = "Not known"
IS_SEN = pl.col("provision").is_in(["K", "E"])


def place(frame: Frame) -> tuple[str, str]:
    """The area that the page is about: the chosen school or the LA."""
    return ("school", frame.school) if frame.school else ("la", frame.la_code)


def source_words(frame: Frame, cells: pl.DataFrame) -> str:
    """Whose figures these are, in a sentence."""
    if frame.school:
        kinds = cells["source"].unique().to_list()
        return {"census": "by the school census", "register": "by the school's SEN register"}.get(
            *kinds or ["none"], DASH
        )
    of = profile_of_needs.sources(frame.connection, frame.term)
    census, register = of.get("census", 0), of.get("register", 0)
    if not register:
        return f"the school census of all {count_of(census, 'school')}"
    if not census:
        return f"the SEN register of all {count_of(register, 'school')}, for no census of the year is loaded"
    return f"the school census of {count_of(census, 'school')}, the SEN register of {count_of(register, 'other')}"


def told(frame: Frame, cells: pl.DataFrame) -> dict[str, str]:
    """What stands behind every figure of the page."""
    definition = frame.indicators["OUT01"]
    return {
        "Duty": definition["duty"],
        "Counts": definition["numerator"],
        "Out of": definition["denominator"],
        "Whose figures": source_words(frame, cells),
        "Need": "The primary need. The census asks for types of need in spring alone: a pupil's need is that of the newest "
        "spring census that the school gave, and not known where there is none",
        "Small numbers": "Shown: this is the analysts' own view",
        "Source": definition["source"],
    }


def compared(frame: Frame, now: int | None, before: int | None) -> str:
    """A count against the term before."""
    if not frame.previous or before is None:
        return "no earlier figure to compare"
    change = (now or 0) - before
    return f"{f'{change:+,}'.replace('-', '−') if change else 'unchanged'} since {term_label(frame.previous)}"


def headlines(frame: Frame, cells: pl.DataFrame, series: pl.DataFrame) -> None:
    now = series.filter(term=frame.term).row(0, named=True)
    before = series.filter(term=frame.previous).row(0, named=True) if frame.previous else dict.fromkeys(now)
    facts = told(frame, cells)
    if now["schools_counted"] is not None:
        facts |= {"Schools": f"{now['schools_counted']} counted, {now['schools_missing']} missing"}
    not_known = cells.filter(IS_SEN, pl.col("need").is_null())["pupils"].sum()

    def tile(name: str, value: str, parts: str) -> str:
        return look.headline(
            name,
            value,
            parts,
            about_html(frame, name, facts, unknown=f"{count_of(not_known, 'pupil')} without a known need"),
        )

    sen = (now["support"] or 0) + (now["plans"] or 0)
    sen_before = None if before["support"] is None else before["support"] + (before["plans"] or 0)
    roll = now["roll"]
    look.tiles(
        [
            tile("Pupils with SEN", f"{sen:,}", compared(frame, sen, sen_before)),
            tile("SEN support", f"{now['support'] or 0:,}", compared(frame, now["support"], before["support"])),
            tile("EHC plans", f"{now['plans'] or 0:,}", compared(frame, now["plans"], before["plans"])),
            tile(
                "Share of the roll",
                percent(now["census_sen"] / roll) if roll else DASH,
                f"{now['census_sen'] or 0:,} of {roll:,} pupils in the census"
                if roll
                else "no census of the year is loaded",
            ),
        ],
        headlines=True,
    )


def counted_by(cells: pl.DataFrame, column: str) -> pl.DataFrame:
    """A row a value: `column`, support, plans, pupils (both), share (of those whose value is known)."""
    known = cells.filter(IS_SEN, pl.col(column).is_not_null())["pupils"].sum()
    pupils = pl.col("pupils").sum()
    return (
        cells.filter(IS_SEN)
        .group_by(column)
        .agg(
            support=pl.col("pupils").filter(provision="K").sum(),
            plans=pl.col("pupils").filter(provision="E").sum(),
            pupils=pupils,
        )
        .with_columns(share=pl.when(pl.col(column).is_not_null() & (known > 0)).then(pl.col("pupils") / known))
    )


def named(column: str) -> pl.Expr:
    """A code of a need or year group as people say it."""
    return (
        pl.col(column)
        .map_elements(lambda code: label(column, code) if code else UNKNOWN, return_dtype=pl.String, skip_nulls=False)
        .alias("who")
    )


def table(shown: pl.DataFrame, first: str, name: str) -> None:
    share = st.column_config.NumberColumn(format="%.1f%%")
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            first: st.column_config.TextColumn(width=215),
            "Share": share,
            "Girls' share": share,
            "Change": st.column_config.NumberColumn(format="%+d", help="Pupils, since the term before"),
        },
        alt=name,
        height=38 + 35 * len(shown),
        placeholder=DASH,
    )


def by_provision(rows: pl.DataFrame, first: str) -> pl.DataFrame:
    """`counted_by` with `who`, as people read it."""
    return rows.select(
        pl.col("who").alias(first),
        pl.col("support").alias("SEN support"),
        pl.col("plans").alias("EHC plans"),
        pl.col("pupils").alias("Pupils"),
        (pl.col("share") * 100).alias("Share"),
        *([pl.col("change").alias("Change")] if "change" in rows.columns else []),
    )


def section(
    cells: pl.DataFrame, order: list[str], shown: pl.DataFrame, *, column: str, part: str, title: str, subtitle: str
) -> None:
    """Chart and table of one way to count the pupils; `order`: the bars, `shown`: the table, its first column theirs."""
    parts = needs.PROVISIONS if part == "provision" else needs.SEXES
    counts = cells.filter(IS_SEN).group_by(column, part).agg(pl.col("pupils").sum()).with_columns(named(column))
    what = shown.columns[0]
    chart, beside = st.columns(2, gap="large")
    with chart:
        drawn, key = needs.pupils_by(counts, order, what, part, parts)
        look.figure(drawn, title=title, subtitle=subtitle, key=key)
    with beside:
        table(shown, what, f"Pupils with SEN by {what.lower()} and {part}")


def by_need(frame: Frame, cells: pl.DataFrame, before: pl.DataFrame) -> None:
    st.header("By need", anchor=False)
    rows = counted_by(cells, "need").with_columns(named("need"))
    if len(before):
        was = counted_by(before, "need").select("need", was="pupils")
        rows = rows.join(was, on="need", how="left", nulls_equal=True).with_columns(
            change=pl.col("pupils").cast(pl.Int64) - pl.col("was").fill_null(0).cast(pl.Int64)
        )
    rows = rows.sort(pl.col("need").is_null(), -pl.col("pupils").cast(pl.Int64), "who")
    known = rows.drop_nulls("need")
    section(
        cells,
        rows["who"].to_list(),
        by_provision(rows, "Need"),
        column="need",
        part="provision",
        title=f"Most often: {known['who'][0]} ({percent(known['share'][0])} of the pupils whose need is known)"
        if len(known)
        else "No pupil's need is known",
        subtitle=f"Pupils with SEN by primary need, {term_label(frame.term)}",
    )
    about(frame, "Pupils by need", told(frame, cells))


def by_year(frame: Frame, cells: pl.DataFrame) -> None:
    st.header("By year group", anchor=False)
    position = {code: n for n, code in enumerate(code_labels()["year_group"])}
    rows = (
        counted_by(cells, "year_group")
        .with_columns(named("year_group"))
        .sort(pl.col("year_group").replace_strict(position, default=len(position), return_dtype=pl.Int64), "who")
    )
    largest = rows.sort("pupils", descending=True, maintain_order=True).row(0, named=True)
    section(
        cells,
        rows["who"].to_list(),
        by_provision(rows, "Year group"),
        column="year_group",
        part="provision",
        title=f"Most pupils with SEN: {largest['who']} ({largest['pupils']:,})",
        subtitle=f"Pupils with SEN by year group, {term_label(frame.term)}",
    )
    about(frame, "Pupils by year group", told(frame, cells))


def by_sex(frame: Frame, cells: pl.DataFrame) -> None:
    st.header("By sex and need", anchor=False)
    rows = (
        cells.filter(IS_SEN)
        .group_by("need")
        .agg(*(pl.col("pupils").filter(sex=sex).sum().cast(pl.Int64).alias(sex) for sex in needs.SEXES))
        .with_columns(named("need"), known=pl.col("F") + pl.col("M"))
        .sort(pl.col("need").is_null(), -pl.col("known"), "who")
    )
    girls, known = rows["F"].sum(), rows["known"].sum()
    section(
        cells,
        rows["who"].to_list(),
        rows.select(
            pl.col("who").alias("Need"),
            pl.col("F").alias("Girls"),
            pl.col("M").alias("Boys"),
            (100 * pl.col("F") / pl.when(pl.col("known") > 0).then("known")).alias("Girls' share"),
        ),
        column="need",
        part="sex",
        title=f"{percent(girls / known) if known else DASH} of the pupils with SEN are girls ({girls:,} of {known:,})",
        subtitle=f"Pupils with SEN by primary need and sex, {term_label(frame.term)}",
    )
    about(
        frame,
        "Pupils by sex",
        told(frame, cells) | {"Sex": "As recorded; a pupil whose sex is not known is in neither column"},
    )


def over_the_terms(frame: Frame, cells: pl.DataFrame, series: pl.DataFrame) -> None:
    st.header("Over the terms", anchor=False)
    chart, beside = st.columns(2, gap="large")
    with chart:
        drawn, key = needs.pupils_over_terms(series)
        look.figure(
            drawn,
            title=f"Pupils with SEN over the terms, {frame.school_name or 'the LA'}",
            subtitle="By the census of the year, else by the register; schools that sent no return are missing from their term",
            key=key,
        )
    with beside:
        st.dataframe(
            series.select(
                pl.col("term").map_elements(term_label, return_dtype=pl.String).alias("Term"),
                pl.col("support").alias("SEN support"),
                pl.col("plans").alias("EHC plans"),
                (100 * pl.col("census_sen") / pl.col("roll")).alias("Share of the roll"),
                *(
                    []
                    if frame.school
                    else [pl.format("{} ({} missing)", "schools_counted", "schools_missing").alias("Schools")]
                ),
            ),
            hide_index=True,
            column_config={"Share of the roll": st.column_config.NumberColumn(format="%.1f%%")},
            alt="Pupils with SEN over the terms",
            placeholder=DASH,
        )
        download(frame, every_term(frame), f"OUT01_{frame.school or frame.la_code}")
    about(frame, "Pupils with SEN over the terms", told(frame, cells))


def every_term(frame: Frame) -> pl.DataFrame:
    """The whole profile of the page's area, every term."""
    area_type, area_code = place(frame)
    terms = [
        profile_of_needs.of_area(frame.connection, term, area_type, area_code).insert_column(
            0, pl.lit(term).alias("term")
        )
        for term in frame.terms
    ]
    return pl.concat(terms).sort("term", "provision", "need", "year_group", "sex", nulls_last=True)


def by_area(frame: Frame, cells: pl.DataFrame) -> None:
    st.header("Where they are", anchor=False)
    kind = st.segmented_control(
        "By", options=list(AREAS), format_func=AREAS.get, default="phase", required=True, key="needs_by"
    )
    rows = profile_of_needs.by_area(frame.connection, frame.term, kind)
    if rows.is_empty():
        st.write(f"No {AREAS[kind].lower()} has a figure in this term.")
        return
    st.dataframe(
        area_rows(rows, kind),
        hide_index=True,
        column_config={"Share of the roll": st.column_config.NumberColumn(format="%.1f%%")},
        alt=f"Pupils with SEN by {AREAS[kind].lower()}",
        height=min(620, 38 + 35 * len(rows)),
        placeholder=DASH,
    )
    about(frame, f"Pupils with SEN by {AREAS[kind].lower()}", told(frame, cells))


def area_rows(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The areas as people read them."""

    def need(code: str) -> Any:
        return label("need", code)

    return rows.select(
        (pl.col("area").replace(PHASES) if kind == "phase" else pl.col("area")).alias(AREAS[kind]),
        pl.col("support").alias("SEN support"),
        pl.col("plans").alias("EHC plans"),
        pl.col("roll").alias("On roll"),
        (100 * (pl.col("support") + pl.col("plans")) / pl.col("roll")).alias("Share of the roll"),
        pl.col("commonest").map_elements(need, return_dtype=pl.String).alias("Most often"),
        pl.col("source").replace(SOURCES).alias("By"),
    )


def main() -> None:
    frame = current()
    cells = profile_of_needs.of_area(frame.connection, frame.term, *place(frame))
    series = profile_of_needs.over_terms(frame.connection, *place(frame))
    st.write(
        f"Pupils on SEN support and with an EHC plan; the figures are {source_words(frame, cells)}."
        if len(cells)
        else "Pupils on SEN support and with an EHC plan."
    )
    headlines(frame, cells, series)
    if cells.filter(IS_SEN).is_empty():
        st.info("No pupil with SEN is known in this term: no usable return came, or it lists nobody.")
        about(frame, "Needs", told(frame, cells))
        return
    by_need(frame, cells, profile_of_needs.of_area(frame.connection, frame.previous, *place(frame)))
    by_year(frame, cells)
    by_sex(frame, cells)
    over_the_terms(frame, cells, series)
    if not frame.school:
        by_area(frame, cells)


main()
