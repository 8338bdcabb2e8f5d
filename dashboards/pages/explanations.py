"""Explanations: what schools say of their queries, waiting to be accepted or refused, and what was decided."""

import getpass

import polars as pl
import streamlit as st

from dashboards.about import about
from dashboards.frame import Frame, current
from dashboards.queries import explaining
from dashboards.words import DASH, count_of, day, html, term_label
from pipelines.casework import decide
from pipelines.settings import get_settings

SHOWN = 25  # waiting ones at a time: each is a form
SOURCE = "The sheet of explanations in the schools' returns, and what was decided here or with `sen explanations`"


def take(explanation_id: str, decision: str) -> None:
    """What a button does, before the page is made anew."""
    by, note = st.session_state["decided_by"], st.session_state[f"note_{explanation_id}"]
    try:
        decide(get_settings(), explanation_id, decision, by=by, note=note)
    except ValueError as error:
        st.session_state["not_decided"] = (explanation_id, str(error))


def waiting_list(frame: Frame, waiting: pl.DataFrame) -> None:
    st.header("Waiting for you")
    if waiting.is_empty():
        st.write("No explanation is waiting.")
    st.text_input("Your name, kept with each decision", value=getpass.getuser(), key="decided_by")
    failed, why = st.session_state.pop("not_decided", (None, None))
    for row in waiting.head(SHOWN).iter_rows(named=True):
        with st.container(border=True, key=f"explanation_{row['explanation_id']}"):
            gone = "" if row["is_raised"] else " <span class='quiet'>The school has corrected it since.</span>"
            st.html(
                f"<div class='card'><div><h3>{html(row['name'] or row['urn'])} <span class='quiet'>"
                f"{html(term_label(row['newest_term']))}, given {day(row['given_at'])}, rule {html(row['rule_code'])}"
                f"</span></h3><p>{html(row['message'])}{gone}</p><p><strong>{html(row['text'])}</strong></p></div></div>"
            )
            with st.form(key=f"decide_{row['explanation_id']}", border=False):
                st.text_input(
                    "Note (the school reads it where you refuse: name no pupil)", key=f"note_{row['explanation_id']}"
                )
                columns = st.columns([1, 1, 4])
                for column, word, decision in zip(columns, ("Accept", "Refuse"), ("accepted", "refused"), strict=False):
                    column.form_submit_button(
                        word,
                        key=f"{word.lower()}_{row['explanation_id']}",
                        on_click=take,
                        args=(row["explanation_id"], decision),
                    )
            if failed == row["explanation_id"]:
                st.error(why)
    if len(waiting) > SHOWN:
        st.caption(f"The {SHOWN} that have waited longest of {len(waiting):,}; the next come as you decide.")
    about(
        frame,
        "Explanations waiting",
        {
            "Counts": "What a school says of a query, each once however often it was sent, of every term",
            "Accepted": "The query is settled, in every term in which the same fact raises it",
            "Refused": "The query is open again, and the school is told why in its next letter",
            "Source": SOURCE,
        },
    )


def decided_list(frame: Frame, decided: pl.DataFrame) -> None:
    st.header("Decided")
    if decided.is_empty():
        st.write("Nothing has been decided yet.")
        return
    st.dataframe(
        decided.sort("decided_at", descending=True).select(
            pl.col("name").fill_null(pl.col("urn")).alias("School"),
            pl.col("decision").str.to_titlecase().alias("Decision"),
            pl.col("rule_code").alias("Rule"),
            pl.col("message").alias("The query"),
            pl.col("text").alias("What the school says"),
            pl.col("note").alias("Note"),
            pl.col("decided_by").alias("By"),
            pl.col("decided_at").alias("On"),
        ),
        hide_index=True,
        placeholder=DASH,
        height=min(560, 38 + 35 * len(decided)),
        column_config={"On": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")},
        alt="Explanations that were decided",
    )
    about(frame, "Explanations decided", {"Counts": "The newest decision on each explanation", "Source": SOURCE})


def main() -> None:
    frame = current()
    found = explaining.explanations(frame.connection, get_settings(), frame.school)
    waiting = found.filter(pl.col("decision").is_null())
    decided = found.filter(pl.col("decision").is_not_null())
    st.write(
        f"{count_of(len(waiting), 'explanation')} waiting, {len(decided):,} decided. A decision shows here at once; the "
        "next run takes it into the returns' states and the letters."
    )
    waiting_list(frame, waiting)
    decided_list(frame, decided)


main()
