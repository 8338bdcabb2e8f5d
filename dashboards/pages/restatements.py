"""Restatements: which published figures a later snapshot said otherwise, and why."""

import polars as pl
import streamlit as st

from dashboards.about import about
from dashboards.frame import Frame, current
from dashboards.queries import restatements
from dashboards.words import DASH, RESTATED_BECAUSE, amount, count_of, group_label, term_label

ABOUT = {
    "Restated": "A school's own figure whenever it changes after it was published (its first return in the open window "
    "is news, and restates nothing); an area's figure where it was published after the term's deadline",
    "Because": "; ".join(RESTATED_BECAUSE.values()),
    "Source": "Each snapshot, compared with the one before when it is published",
}
AREAS = {"school": "School", "la": "LA", "phase": "Phase", "trust": "Trust"}


def figure(value: float | None, numerator: int | None, denominator: int | None, unit: str) -> str:
    """A figure with what it is made of, as `66.7% (4 of 6)`."""
    if denominator is None:
        return "not published"
    return f"{amount(value, unit)} ({numerator:,} of {denominator:,})" if unit == "rate" else amount(value, unit)


def filtered(data: pl.DataFrame) -> pl.DataFrame:
    narrow, wide, rest = st.columns([1, 2, 1], vertical_alignment="bottom")
    areas = narrow.multiselect("Of", options=list(AREAS), format_func=AREAS.get, placeholder="All", key="restated_of")
    names = wide.multiselect(
        "Indicator", options=sorted(data["indicator_id"].unique()), placeholder="All", key="restated_indicator"
    )
    every_group = rest.toggle("Groups too", value=False, key="restated_groups")
    kept = [pl.col("area_type").is_in(areas)] if areas else []
    kept += [pl.col("indicator_id").is_in(names)] if names else []
    kept += [] if every_group else [pl.col("group_type") == "all"]
    return data.filter(kept) if kept else data


def table(frame: Frame, shown: pl.DataFrame) -> None:
    rows = pl.DataFrame(
        [
            {
                "Published": row["published_at"],
                "Of": AREAS[row["area_type"]],
                "Name": frame.la_name if row["area_type"] == "la" else row["area"],
                "Indicator": f"{row['indicator_id']} {frame.indicators[row['indicator_id']]['name']}",
                "Group": group_label(row["group_type"], row["group_value"]),
                "Published before": figure(
                    row["value_from"], row["numerator_from"], row["denominator_from"], row["unit"]
                ),
                "Since": figure(row["value_to"], row["numerator_to"], row["denominator_to"], row["unit"]),
                "Because": RESTATED_BECAUSE[row["because"]],
            }
            for row in shown.iter_rows(named=True)
        ]
    )
    st.dataframe(
        rows,
        placeholder=DASH,
        hide_index=True,
        height=min(620, 38 + 35 * len(rows)),
        column_config={"Published": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")},
        alt="Restated figures, the newest first",
    )


def main() -> None:
    frame = current()
    st.write(f"Figures of {term_label(frame.term)} that were published, and that a later snapshot said otherwise.")
    data = restatements.of_term(frame.connection, frame.term, frame.school)
    if data.is_empty():
        st.info("No published figure of this term has changed since.")
        about(frame, "Restatements", ABOUT)
        return
    shown = filtered(data)
    schools = data.filter(area_type="school")["area"].n_unique()
    st.markdown(
        f"**{count_of(len(shown), 'figure')}** shown of {len(data):,} restated, of {count_of(schools, 'school')}"
    )
    if shown.is_empty():
        st.info("No figure with these filters.")
    else:
        table(frame, shown)
    about(frame, "Restatements", ABOUT)


main()
