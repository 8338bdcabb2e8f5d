"""Spending: what schools say they spend on SEN, beside the notional SEN budget that the LA gave them (RES01)."""

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, about_html, definition_rows
from dashboards.charts.spending import spending_against_budget
from dashboards.downloads import download
from dashboards.frame import Frame, current
from dashboards.queries import indicators, spending
from dashboards.words import DASH, amount, count_of, percent, phase_label, term_label


def told(frame: Frame, unknown: pl.DataFrame) -> dict[str, str]:
    """What stands behind every figure of the page."""
    return definition_rows(frame.indicators["RES01"], None) | {
        "Target": "none: more is not better",
        "Not known of": "; ".join(unknown["name"]) or "no school that sent a return",
        "Mind": "The notional SEN budget is an amount within a school's budget, not ring-fenced: a school may well spend more or less",
    }


def area_words(frame: Frame) -> dict[str, str]:
    """Schools counted and missing."""
    if frame.school:
        return {}
    of_la = indicators.area_values(frame.connection, frame.term, None, "la", frame.la_code)
    row = next(of_la.filter(indicator_id="RES01").iter_rows(named=True), None)
    return {"Schools": f"{row['schools_counted']} counted, {row['schools_missing']} missing"} if row else {}


def headlines(frame: Frame, series: pl.DataFrame, unknown: pl.DataFrame) -> None:
    now = series.filter(term=frame.term).row(0, named=True)
    facts = told(frame, unknown) | area_words(frame)

    def tile(name: str, value: str, parts: str) -> str:
        return look.headline(
            name, value, parts, about_html(frame, name, facts, unknown=count_of(len(unknown), "school"))
        )

    schools = frame.school_name or f"{count_of(now['schools'], 'school')}; {len(unknown):,} more not known"
    before = series.filter(term=frame.previous).row(0, named=True)["share"] if frame.previous else None
    was = f"{percent(before)} in {term_label(frame.previous)}" if before is not None else "no earlier figure to compare"
    look.tiles(
        [
            tile("Spent of the notional budget", percent(now["share"]), was),
            tile("Spent on SEN", amount(now["expenditure"], "gbp"), schools),
            tile("Notional SEN budget", amount(now["notional_budget"], "gbp"), "by the LA's file"),
            tile("For a pupil on the register", amount(now["per_pupil"], "gbp"), count_of(now["pupils"] or 0, "pupil")),
        ],
        headlines=True,
    )


MONEY = {name: st.column_config.NumberColumn(format="£%,.0f") for name in ("Spent", "Budget", "A pupil")} | {
    "Share": st.column_config.NumberColumn(format="%.1f%%")
}


def amounts() -> list[pl.Expr]:
    """Spending as people read it, with what it is out of."""
    return [
        (pl.col("share") * 100).alias("Share"),
        pl.col("expenditure").alias("Spent"),
        pl.col("notional_budget").alias("Budget"),
        pl.col("pupils").alias("Pupils"),
        pl.col("per_pupil").alias("A pupil"),
    ]


def every_school(frame: Frame, schools: pl.DataFrame, unknown: pl.DataFrame) -> None:
    st.header(f"Every school in {term_label(frame.term)}", anchor=False)
    above = len(schools.filter(pl.col("share") > 1))
    drawn, key = spending_against_budget(
        schools.with_columns(phase=pl.col("phase").map_elements(phase_label, return_dtype=pl.String))
    )
    chart, beside = st.columns(2, gap="large")
    with chart:
        look.figure(
            drawn,
            title=f"{above} of {count_of(len(schools), 'school')} {'spends' if above == 1 else 'spend'} more than the notional budget",
            subtitle="What each school says it spent on SEN in the financial year, against its notional SEN budget",
            key=key,
        )
    with beside:
        shown = schools.select(
            pl.col("name").alias("School"),
            *amounts(),
            pl.col("phase").map_elements(phase_label, return_dtype=pl.String).alias("Phase"),
            pl.col("financial_year").alias("Year"),
        )
        st.dataframe(
            shown,
            hide_index=True,
            column_config=MONEY,
            alt="SEN spending of every school",
            height=min(480, 38 + 35 * len(shown)),
            placeholder=DASH,
        )
    about(frame, "Every school", told(frame, unknown), unknown=count_of(len(unknown), "school"))


def over_the_terms(frame: Frame, series: pl.DataFrame, unknown: pl.DataFrame) -> None:
    st.header("Over the terms", anchor=False)
    st.dataframe(
        series.select(
            pl.col("term").map_elements(term_label, return_dtype=pl.String).alias("Term"),
            *amounts(),
            *([] if frame.school else [pl.col("schools").alias("Schools")]),
        ),
        hide_index=True,
        column_config=MONEY,
        alt="SEN spending over the terms",
        placeholder=DASH,
    )
    download(frame, series, f"RES01_{frame.school or frame.la_code}")
    about(
        frame,
        "Over the terms",
        told(frame, unknown)
        | {"Mind": "The amount is that of the financial year in which the school gave it: terms of a year repeat it"},
    )


def main() -> None:
    frame = current()
    st.write("What schools spend on SEN by their own word, beside the notional SEN budget in the LA's file.")
    unknown = spending.not_known(frame.connection, frame.term, frame.school)
    series = spending.over_terms(frame.connection, frame.school)
    headlines(frame, series, unknown)
    schools = spending.of_term(frame.connection, frame.term, frame.school)
    if schools.is_empty():
        st.info(
            "Of no school both amounts are known in this term. The notional budgets are the LA's file notional_budgets.csv; the "
            "spending is a field of the return's sheet arrangements."
        )
    elif not frame.school:
        every_school(frame, schools, unknown)
    over_the_terms(frame, series, unknown)


main()
