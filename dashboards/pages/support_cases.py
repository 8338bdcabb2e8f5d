"""Support cases: who makes no progress and has no specialist, and whose progress nobody knows."""

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, about_html
from dashboards.charts.bars import count_bars
from dashboards.frame import Frame, current
from dashboards.queries import cases
from dashboards.words import CASE_STANDINGS, DASH, TRIGGERS, cases_no_longer_kept, count_of, label, short_key

SOURCE = "The schools' returns; indicators NPR02, NPR04 and NPR05"
ABOUT = {
    "Sustained limited progress": "A current spell (NPR02): assessed reviews in a row, all with no or little progress, at least 2 "
    "of them over at least 120 days; established at least 20 school days before the as-at date",
    "Substantially below peers": "Works at levels substantially below peers despite well delivered support (NPR04)",
    "Progress not known": "On the register now and two terms before, and no assessed review since then (NPR05)",
    "Standing": "The furthest that any referral has reached. One that was declined counts as an involvement, and is shown as declined",
    "Days without": "From the spell's start to the first contact, or to the as-at date where there was none",
    "Source": SOURCE,
}


def named(data: pl.DataFrame) -> pl.DataFrame:
    """The cases in people's words."""
    return data.with_columns(
        trigger_word=pl.col("trigger").replace_strict(TRIGGERS, default=pl.col("trigger")),
        standing_word=pl.col("standing")
        .replace_strict(CASE_STANDINGS, default=pl.col("standing"))
        .fill_null("Not known"),
        need_word=pl.col("need").map_elements(
            lambda code: label("need", code), return_dtype=pl.String, skip_nulls=False
        ),
    )


def filtered(data: pl.DataFrame) -> pl.DataFrame:
    columns = st.columns([2, 2, 2, 1.4], vertical_alignment="bottom")
    chosen = {}
    for column, name, key in zip(
        columns, ("Trigger", "Standing", "Need"), ("trigger_word", "standing_word", "need_word"), strict=False
    ):
        options = sorted(data[key].unique().drop_nulls())
        chosen[key] = column.multiselect(
            name, options=options, placeholder="All", key=f"cases_{key}", persist_state="session"
        )
    only_unmet = columns[3].toggle("Unmet only", value=True, key="cases_unmet", persist_state="session")
    kept = [pl.col(key).is_in(values) for key, values in chosen.items() if values]
    if only_unmet:
        kept.append(pl.col("is_unmet"))
    return data.filter(kept) if kept else data


def headlines(frame: Frame, data: pl.DataFrame) -> None:
    unmet = data.filter("is_unmet")
    specialist = unmet.filter(pl.col("trigger") != "progress_not_known")
    known = data.filter(pl.col("trigger") != "progress_not_known")
    longest = specialist["days_without_specialist"].max()
    waiting = known.filter(standing="waiting")

    def tile(name: str, number: int, parts: str, counts: str, colour: str) -> str:
        return look.headline(
            name, f"{number:,}", parts, about_html(frame, name, {"Counts": counts, "Source": SOURCE}), colour
        )

    look.tiles(
        [
            tile(
                "Need a specialist, none involved",
                specialist["pupil_key"].n_unique(),
                f"the longest for {count_of(longest, 'day')}" if longest else "nobody",
                "Pupils in sustained limited progress or substantially below peers with no specialist involved (the unmet of NPR02 and NPR04)",
                "#b3261e",
            ),
            tile(
                "Referred, still waiting",
                waiting["pupil_key"].n_unique(),
                f"in {count_of(waiting['urn'].n_unique(), 'school')}",
                "Pupils of either trigger whose furthest referral waits for its first contact",
                "#8a5300",
            ),
            tile(
                "Progress not known",
                unmet.filter(trigger="progress_not_known")["pupil_key"].n_unique(),
                f"in {count_of(unmet.filter(trigger='progress_not_known')['urn'].n_unique(), 'school')}",
                ABOUT["Progress not known"],
                "#8a5300",
            ),
            tile(
                "Seen by a specialist",
                known.filter(standing="seen")["pupil_key"].n_unique(),
                f"of {count_of(known['pupil_key'].n_unique(), 'pupil')} of either trigger",
                "Pupils of either trigger whose specialist has been in contact",
                "#1a6e35",
            ),
        ],
        headlines=True,
    )


def where(frame: Frame, shown: pl.DataFrame) -> None:
    """Which schools the cases shown are in; for one school, which needs."""
    key = "need_word" if frame.school else "name"
    counts = shown.group_by(key, "trigger_word").agg(cases=pl.len())
    top = counts.group_by(key).agg(pl.col("cases").sum()).sort(["cases", key], descending=[True, False]).head(15)
    counts = counts.join(top.select(key), on=key, how="semi")
    first = top.row(0, named=True)
    drawn, shown_key = count_bars(counts, bars=key, parts="trigger_word", number="cases", order=list(TRIGGERS.values()))
    more = shown[key].n_unique() - len(top)
    look.figure(
        drawn,
        title=f"Most of the cases shown: {first[key]} ({first['cases']})",
        subtitle=f"The cases of the list above, by {'need' if frame.school else 'school'}"
        + (f"; the {len(top)} with most, {more} others not drawn" if more else ""),
        key=shown_key,
    )


def case_list(shown: pl.DataFrame) -> None:
    rows = shown.select(
        pl.col("name").alias("School"),
        pl.col("pupil_key").map_elements(short_key, return_dtype=pl.String).alias("Pupil"),
        pl.col("days_without_specialist").alias("Days without"),
        pl.col("trigger_word").alias("Trigger"),
        pl.col("standing_word").alias("Standing"),
        pl.col("need_word").alias("Need"),
        pl.col("reviews").alias("Reviews"),
        pl.col("spell_start").alias("Since"),
        pl.col("days_in_spell").alias("Days in spell"),
        pl.col("referred_date").alias("Referred"),
    )
    with st.container(key="pupil_rows"):
        st.dataframe(
            rows,
            placeholder=DASH,
            hide_index=True,
            height=min(620, 38 + 35 * max(len(rows), 1)),
            column_config={
                "School": st.column_config.TextColumn(width=170),
                "Pupil": st.column_config.TextColumn(width="small", help="The first eight characters of the pseudonym"),
                "Since": st.column_config.DateColumn(format="D MMM YYYY"),
                "Referred": st.column_config.DateColumn(format="D MMM YYYY"),
            },
            alt="Support cases, the longest without a specialist first",
        )
    st.caption("The longest without a specialist first; a click on a heading sorts. Pupils are shown by pseudonym.")


def main() -> None:
    frame = current()
    st.write("Pupils who make no progress and have no specialist, and pupils whose progress nobody knows.")
    if not frame.has_cases:
        st.info(cases_no_longer_kept(frame.term))
        about(frame, "Support cases", ABOUT)
        return
    data = named(cases.of_term(frame.connection, frame.term, frame.school))
    headlines(frame, data)
    if data.is_empty():
        st.info("No case in this term. A school without a usable return has none either: see who is missing below.")
        about(frame, "Support cases", ABOUT)
        return
    st.header("The cases")
    shown = filtered(data)
    st.markdown(
        f"**{count_of(len(shown), 'case')}** of {count_of(shown['pupil_key'].n_unique(), 'pupil')}, of {len(data):,} in the term"
    )
    if shown.is_empty():
        st.info("No case with these filters.")
    else:
        case_list(shown)
        about(frame, "The cases", ABOUT)
        st.header("By need" if frame.school else "By school")
        where(frame, shown)
    about(frame, "Cases by school", ABOUT)


main()
