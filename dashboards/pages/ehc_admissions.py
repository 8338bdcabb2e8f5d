"""EHC admissions: every plan that names a school, and where it stands."""

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, about_html
from dashboards.charts.bars import count_bars
from dashboards.frame import Frame, current
from dashboards.queries import admissions, changes
from dashboards.words import (
    ADMISSION_STANDINGS,
    DASH,
    FACT_SOURCES,
    PHASES,
    cases_no_longer_kept,
    count_of,
    reason_label,
    short_key,
)

SOURCE = "The LA's extract of EHC plans where there is one, else the schools' placements; admission from the schools' returns"
ABOUT = {
    "Due": "The expected start; else, for a phase transfer, the first school day of the next academic year; else 15 school days "
    "after the naming",
    "Late": "Admitted after the due date, whatever the reason; or due, not admitted, and counted up to the as-at date",
    "Left out": "Not admitted because the parents declined, the plan was amended or has ceased, or transport is awaited: shown, "
    "and not counted against the school",
    "Not known": "The school sent no return, or a date or reason cannot be read, or the pupil is in a row that is not counted until "
    "it is corrected",
    "Source": SOURCE,
}
LATE = pl.col("is_not_made") | (pl.col("standing") == "admitted_late")


def named(data: pl.DataFrame) -> pl.DataFrame:
    """The plans in people's words."""
    return data.with_columns(
        standing_word=pl.col("standing").replace_strict(ADMISSION_STANDINGS, default=pl.col("standing")),
        reason_word=pl.col("reason").map_elements(reason_label, return_dtype=pl.String),
    )


def headlines(frame: Frame, data: pl.DataFrame) -> None:
    change = changes.of_admissions(frame.connection, frame.term, frame.previous, frame.school)
    stuck = data.filter("is_not_made")
    late = data.filter(standing="admitted_late")
    unseen = data.filter(standing="not_known")
    longest = stuck["days_late"].max()
    new = f"{change.new} new; " if frame.has_cases_before else ""

    def tile(name: str, number: int, parts: str, counts: str, colour: str) -> str:
        return look.headline(
            name, f"{number:,}", parts, about_html(frame, name, {"Counts": counts, "Source": SOURCE}), colour
        )

    look.tiles(
        [
            tile(
                "Due and not admitted",
                len(stuck),
                f"{new}the longest {count_of(longest, 'day')} late"
                if longest is not None
                else "nobody is kept waiting",
                "Plans that name a school, due by the as-at date, the pupil not admitted (EHC02); those among them that the "
                "school's return does not list at all",
                "#b3261e" if len(stuck) else "#1a6e35",
            ),
            tile(
                "Admitted late",
                len(late),
                f"half of them by more than {count_of(int(late['days_late'].median()), 'day')}"
                if late["days_late"].count()
                else "none",
                "Plans whose pupil was admitted after the due date",
                "#8a5300",
            ),
            tile(
                "Nobody can say",
                len(unseen),
                "no return, or a date that cannot be read",
                "Plans that name a school which sent no return, or of which a date or reason cannot be read",
                "#55606b",
            ),
            tile(
                "Admitted on time",
                len(data.filter(standing="admitted_on_time")),
                f"of {count_of(len(data), 'plan')} in the term",
                "Plans whose pupil was admitted on or before the due date",
                "#1a6e35",
            ),
        ],
        headlines=True,
    )


def filtered(data: pl.DataFrame) -> pl.DataFrame:
    columns = st.columns([2, 2, 1.4], vertical_alignment="bottom")
    chosen = {}
    for column, name, key in zip(columns, ("Standing", "Reason"), ("standing_word", "reason_word"), strict=False):
        options = sorted(data[key].unique().drop_nulls())
        chosen[key] = column.multiselect(
            name, options=options, placeholder="All", key=f"plans_{key}", persist_state="session"
        )
    only_late = columns[2].toggle("Late only", value=False, key="plans_late", persist_state="session")
    kept = [pl.col(key).is_in(values) for key, values in chosen.items() if values]
    if only_late:
        kept.append(LATE)
    return data.filter(kept) if kept else data


def plan_list(shown: pl.DataFrame) -> None:
    sources = [name for name in shown.columns if name.endswith("_date_source")]
    rows = shown.select(
        pl.col("name").alias("School"),
        pl.col("pupil_key").map_elements(short_key, return_dtype=pl.String).alias("Pupil"),
        pl.col("standing_word").alias("Standing"),
        pl.col("days_late").alias("Days late"),
        pl.col("named_date").alias("Named"),
        pl.col("due_date").alias("Due"),
        pl.col("admitted_date").alias("Admitted"),
        pl.col("reason_word").alias("Reason given"),
        *(
            pl.col(name).replace(FACT_SOURCES).alias(name.removesuffix("_date_source").capitalize() + " from")
            for name in sources
        ),
    )
    dates = {name: st.column_config.DateColumn(format="D MMM YYYY") for name in ("Named", "Due", "Admitted")}
    with st.container(key="pupil_rows"):
        st.dataframe(
            rows,
            placeholder=DASH,
            hide_index=True,
            height=min(620, 38 + 35 * max(len(rows), 1)),
            column_config={
                "School": st.column_config.TextColumn(width=170),
                "Pupil": st.column_config.TextColumn(width="small", help="The first eight characters of the pseudonym"),
            }
            | dates,
            alt="EHC plans that name a school, the latest first",
        )
    st.caption("The latest first; a click on a heading sorts.")


def standings(data: pl.DataFrame) -> None:
    counts = (
        data.with_columns(pl.col("phase").replace(PHASES).fill_null("Not known"))
        .group_by("standing_word", "phase")
        .agg(plans=pl.len())
    )
    drawn, key = count_bars(
        counts, bars="standing_word", parts="phase", number="plans", order=counts["phase"].unique().sort().to_list()
    )
    look.figure(
        drawn,
        title=f"Where {count_of(len(data), 'plan')} stand{'s' if len(data) == 1 else ''}",
        subtitle="Plans that name a school, by standing and the school's phase",
        key=key,
    )


def main() -> None:
    frame = current()
    st.write("Every EHC plan that names a school in Section I, and whether the school has admitted the pupil.")
    if not frame.has_cases:
        st.info(cases_no_longer_kept(frame.term))
        about(frame, "EHC admissions", ABOUT)
        return
    data = named(admissions.of_term(frame.connection, frame.term, frame.school))
    headlines(frame, data)
    if data.is_empty():
        st.info("No EHC plan names a school in this term.")
        about(frame, "EHC admissions", ABOUT)
        return
    st.header("Every plan")
    shown = filtered(data)
    st.markdown(f"**{count_of(len(shown), 'plan')}** of {len(data):,} in the term")
    if shown.is_empty():
        st.info("No plan with these filters.")
    else:
        plan_list(shown)
    about(frame, "Every plan", ABOUT)
    st.header("Where they stand")
    standings(data)
    about(frame, "Where they stand", ABOUT)


main()
