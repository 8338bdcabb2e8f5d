"""Every rule that a return is held against, as a school reads it."""

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.about import about, about_html
from dashboards.frame import Frame, current
from dashboards.words import DASH, count_of, html
from expectations.catalogue import catalogue

SOURCE = "The contract of the return and the rules beside it, as the pipeline runs them"
KINDS = {"no": "Written rules", "yes": "Of the fields themselves"}
SHOWN_IN_FULL = 25


def headlines(frame: Frame, entries: pl.DataFrame) -> None:
    def tile(name: str, kept: pl.DataFrame, parts: str, colour: str = "#0b5fa5") -> str:
        counts = {"Counts": "Rules, whatever the term and the school", "Source": SOURCE}
        return look.headline(name, f"{len(kept):,}", parts, about_html(frame, name, counts), colour)

    written = entries.filter(own="no")
    look.tiles(
        [
            tile("Rules", entries, f"{len(written)} written, the others of the fields themselves"),
            tile("Errors", entries.filter(severity="error"), "must be corrected", "#b3261e"),
            tile("Queries", entries.filter(severity="query"), "are corrected or explained", "#8a5300"),
        ],
        headlines=True,
    )


def chosen(entries: pl.DataFrame) -> pl.DataFrame:
    columns = st.columns([1, 2, 1, 2])
    wanted = {
        "severity": columns[0].multiselect(
            "Severity", options=["error", "query"], placeholder="All", key="rules_severity", persist_state="session"
        ),
        "about": columns[1].multiselect(
            "Table",
            options=entries["about"].unique(maintain_order=True).to_list(),
            placeholder="All",
            key="rules_table",
            persist_state="session",
        ),
        "own": columns[2].multiselect(
            "Kind",
            options=list(KINDS),
            format_func=KINDS.__getitem__,
            placeholder="All",
            key="rules_kind",
            persist_state="session",
        ),
    }
    search = (
        columns[3].text_input("Search", placeholder="A code, a field or a word", key="rules_search").strip().lower()
    )
    kept = [pl.col(name).is_in(values) for name, values in wanted.items() if values]
    if search:
        text = pl.concat_str("code", "field", "says", "remedy", separator=" ").str.to_lowercase()
        kept.append(text.str.contains(search, literal=True))
    return entries.filter(kept) if kept else entries


def listed(frame: Frame, entries: pl.DataFrame) -> None:
    st.header("Every rule")
    shown = chosen(entries)
    st.markdown(f"**{count_of(len(shown), 'rule')}** of {len(entries):,}")
    if shown.is_empty():
        st.write("No rule is like that.")
    elif len(shown) <= SHOWN_IN_FULL:
        in_full(shown)
    else:
        st.dataframe(
            shown.select(
                pl.col("code").alias("Rule"),
                pl.col("severity").str.to_titlecase().alias("Severity"),
                pl.col("about").alias("Table"),
                pl.col("field").alias("Field"),
                pl.col("says").alias("What is wrong"),
                pl.col("remedy").alias("What to do"),
                pl.col("costs").alias("Until then"),
                pl.col("breaks").alias("Example that breaks it"),
                pl.col("holds").alias("Example that holds"),
            ),
            hide_index=True,
            height=560,
            alt="Every rule that a return is held against",
            placeholder=DASH,
        )
        st.caption(f"Choose {SHOWN_IN_FULL} rules or fewer to read them in full.")
    about(
        frame,
        "Every rule",
        {
            "Error": "must be corrected; what it costs meanwhile stands beside it",
            "Query": "may well be right: it is corrected or explained, and counted meanwhile",
            "Counts": "Every rule of the return, those of its fields included",
            "Source": SOURCE,
        },
    )


def in_full(shown: pl.DataFrame) -> None:
    rows = "".join(
        f"<tr><td>{html(row['code'])}<br><span class='quiet'>{html(row['severity'].capitalize())}, "
        f"{html(row['about'])}{html(': ' + row['field'] if row['field'] else '')}</span></td>"
        f"<td>{html(row['says'])}<br><span class='quiet'>{html(row['remedy'])} {html(row['costs'])}.</span></td>"
        f"<td>{html(row['breaks'])}</td><td>{html(row['holds'])}</td></tr>"
        for row in shown.iter_rows(named=True)
    )
    st.html(
        "<table class='plain'><thead><tr><th>Rule</th><th>What is wrong, and what to do</th><th>Breaks it</th>"
        f"<th>Holds</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def main() -> None:
    frame = current()
    st.write("What every return is held against: the same rules for every school and term.")
    entries = pl.DataFrame(catalogue())
    headlines(frame, entries)
    listed(frame, entries)


main()
