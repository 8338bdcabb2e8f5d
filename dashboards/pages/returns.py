"""Returns and data quality: who sent what and when, what is not counted, and why."""

from datetime import date

import polars as pl
import streamlit as st

from dashboards import look, notes
from dashboards.about import about, about_html
from dashboards.charts.bars import status_over_terms
from dashboards.frame import Frame, current
from dashboards.queries import returns
from dashboards.words import DASH, PHASES, STATUSES, count_of, day, html, term_label
from pipelines.publishing.outstanding import still_missing
from pipelines.settings import get_settings

SOURCE = "The ledger of files received, and the rules that each return was checked against"
STATUS_ROWS = {status.word: status.means for status in STATUSES.values()} | {"Source": SOURCE}
COMMONEST = 10
UNKNOWN_COLUMN = "COL02"
USED = ~pl.col("status").is_in(["missing", "rejected"])


def headlines(frame: Frame, sent: pl.DataFrame) -> None:
    due = sent.filter("is_due")
    used = sent.filter(USED)
    received, accepted = used["rows_received"].sum(), used["rows_accepted"].sum()
    not_counted = used["rows_quarantined"].sum()

    def tile(name: str, value: str, parts: str, counts: str, colour: str = "#0b5fa5") -> str:
        return look.headline(name, value, parts, about_html(frame, name, {"Counts": counts, "Source": SOURCE}), colour)

    share = f"{not_counted / received:.2%} of {received:,} received" if received else "no row was received"
    look.tiles(
        [
            tile(
                "Returns that are counted",
                f"{len(due.filter(USED))} of {len(due)}",
                f"{due['on_time'].sum()} on time",
                "Schools with a return that was not rejected, out of the schools from which one is due",
            ),
            tile(
                "Rows accepted",
                f"{accepted:,}",
                f"of {received:,} received",
                "Rows of all eight tables; received is accepted plus not counted",
            ),
            tile(
                "Rows not counted",
                f"{not_counted:,}",
                share,
                "Rows that are left out until the school corrects what identifies them",
                "#8a5300",
            ),
            tile(
                "Open errors and queries",
                f"{sent['errors'].sum() or 0:,} + {sent['queries'].sum() or 0:,}",
                f"errors must be corrected; queries corrected or explained ({sent['explained'].sum() or 0:,} are)",
                "Issues of the current returns; a query that is explained is not open, unless that was refused",
                "#8a5300",
            ),
        ],
        headlines=True,
    )


def by_school(frame: Frame, sent: pl.DataFrame) -> None:
    st.header("Every school" if not frame.school else "This school's return")
    look.legend(list(STATUSES.values()))
    order = {key: position for position, key in enumerate(STATUSES)}
    rows = sent.sort(pl.col("status").replace_strict(order, default=len(order)), "name").select(
        pl.col("name").alias("School"),
        pl.col("status").map_elements(look.status_text, return_dtype=pl.String).alias("Status"),
        pl.col("on_time")
        .replace_strict({True: "Yes", False: "No"}, default=None, return_dtype=pl.String)
        .alias("On time"),
        pl.col("errors").alias("Errors"),
        pl.col("queries").alias("Queries"),
        pl.col("explained").alias("Explained"),
        pl.col("rows_received").alias("Rows received"),
        pl.col("rows_accepted").alias("Accepted"),
        pl.col("rows_quarantined").alias("Not counted"),
        pl.col("received_at").alias("Received"),
        pl.col("phase").replace(PHASES).alias("Phase"),
    )
    st.dataframe(
        rows,
        placeholder=DASH,
        hide_index=True,
        height=min(520, 38 + 35 * max(len(rows), 1)),
        column_config={
            "School": st.column_config.TextColumn(width=170),
            "Received": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
        alt=f"Status of every school's return, {term_label(frame.term)}",
    )
    about(frame, "Every school's return", STATUS_ROWS | {"Deadline": day(frame.deadlines[frame.term])})


def to_ring(frame: Frame) -> None:
    """Once the deadline has passed: whom to ring, and what was agreed last."""
    found = still_missing(get_settings(), frame.connection, frame.term, date.today(), frame.school)
    if found.is_empty():
        return
    st.header("Still missing after the deadline")
    st.markdown(
        f"**{count_of(len(found), 'school')}**, {count_of(found['days_past'][0], 'day')} past the deadline of "
        f"{day(frame.deadlines[frame.term])}. Those nobody has spoken to come first."
    )
    rows = "".join(
        f"<tr><td>{html(row['name'])}<br><span class='quiet'>{html(row['urn'])}</span></td>"
        f"<td>{look.status_text(row['status'])}</td>"
        f"<td>{'<br>'.join(map(html, row['contacts'].splitlines())) or 'No contact is known'}</td>"
        f"<td>{notes.line(row) if row['on_date'] else 'None noted'}</td></tr>"
        for row in found.iter_rows(named=True)
    )
    st.html(
        "<table class='plain'><thead><tr><th>School</th><th>Return</th><th>Whom to ask for</th><th>Last contact</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )
    st.caption("Choose a school above and go to the Overview to note what was agreed.")
    about(
        frame,
        "Still missing after the deadline",
        {
            "Counts": "Schools from which a return is due, with none that can be used; days to today",
            "Source": "The ledger of files received, the LA's contacts, and the notes of contact",
        },
    )


def over_terms(frame: Frame) -> None:
    st.header("Over the terms")
    counts = returns.over_terms(frame.connection)
    usable = counts.filter(USED, term=frame.term)["schools"].sum()
    due = counts.filter(term=frame.term)["schools"].sum()
    wide = (
        counts.pivot("status", index="term", values="schools", maintain_order=True)
        .fill_null(0)
        .select(
            pl.col("term").map_elements(term_label, return_dtype=pl.String).alias("Term"),
            *(
                (pl.col(key) if key in counts["status"] else pl.lit(0)).alias(status.word)
                for key, status in STATUSES.items()
            ),
        )
    )
    chart, beside = st.columns([4, 3], gap="large")
    with chart:
        drawn, key = status_over_terms(counts)
        look.figure(
            drawn,
            title=f"{usable} of {due} schools are counted in {term_label(frame.term)}",
            subtitle="Schools from which a return is due, by the state of the current return",
            key=key,
        )
    with beside:
        st.dataframe(wide, hide_index=True, alt="Returns by status over the terms", height="content")
    about(frame, "Returns over the terms", STATUS_ROWS)


def rules(frame: Frame) -> None:
    st.header("The commonest faults")
    found = returns.commonest_rules(frame.connection, frame.term, frame.school)
    if found.is_empty():
        st.write("No open issue.")
        return
    rows = "".join(
        f"<tr><td>{html(row['rule_code'])}<br><span class='quiet'>{html(row['severity'].capitalize())}</span></td>"
        f"<td class='number'>{row['issues']:,}</td><td class='number'>{row['schools']:,}</td>"
        f"<td>{html(row['message'])}<br><span class='quiet'>{html(row['remedy'])}</span></td></tr>"
        for row in found.head(COMMONEST).iter_rows(named=True)
    )
    st.html(
        "<table class='plain'><thead><tr><th>Rule</th><th class='number'>Issues</th><th class='number'>Schools</th>"
        f"<th>What is wrong, and what to do</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    if len(found) > COMMONEST:
        st.caption(f"The {COMMONEST} commonest of {len(found)} rules with an open issue; every issue is listed below.")
    about(
        frame,
        "The commonest faults",
        {
            "Counts": "Open issues of the current returns, one a rule and row; of one rule the first wording is shown",
            "Source": SOURCE,
        },
    )


def issue_list(frame: Frame) -> None:
    st.header("Every issue" + (f": {frame.school_name}" if frame.school else ""))
    found = returns.issues(frame.connection, frame.term, frame.school)
    if found.is_empty():
        st.write("No issue in this term.")
        return
    columns = st.columns([1, 1, 1, 2])
    chosen = {}
    for column, name, key in zip(
        columns, ("Severity", "State", "Table"), ("severity", "state", "table_name"), strict=False
    ):
        chosen[key] = column.multiselect(
            name,
            options=sorted(found[key].unique().drop_nulls()),
            placeholder="All",
            key=f"issues_{key}",
            persist_state="session",
        )
    chosen["rule_code"] = columns[3].multiselect(
        "Rule",
        options=sorted(found["rule_code"].unique()),
        placeholder="All",
        key="issues_rule",
        persist_state="session",
    )
    kept = [pl.col(key).is_in(values) for key, values in chosen.items() if values]
    shown = found.filter(kept) if kept else found
    st.markdown(f"**{count_of(len(shown), 'issue')}** of {len(found):,}")
    st.dataframe(
        shown.select(
            pl.col("name").fill_null("No school could be told").alias("School"),
            pl.col("severity").str.to_titlecase().alias("Severity"),
            pl.col("rule_code").alias("Rule"),
            pl.col("table_name").alias("Table"),
            pl.col("row_number").alias("Row"),
            # the heading is in the school's workbook alone: it may be a child's name
            pl.when(pl.col("rule_code") == UNKNOWN_COLUMN)
            .then(pl.lit("not a field of the return"))
            .otherwise("field")
            .alias("Field"),
            pl.col("message").alias("What is wrong"),
            pl.col("remedy").alias("What to do"),
            pl.col("state").str.to_titlecase().alias("State"),
            pl.col("file_name").alias("File"),
        ),
        hide_index=True,
        height=min(560, 38 + 35 * max(len(shown), 1)),
        column_config={"School": st.column_config.TextColumn(width=170)},
        alt="Every issue of the term",
        placeholder=DASH,
    )
    st.caption(
        "Row is the row of the school's file, the header being row 1. Values and UPNs are in the school's feedback workbook alone."
    )
    about(
        frame, "Every issue", {"Counts": "Every rule that a row, a table or a file of the term broke", "Source": SOURCE}
    )


def without_a_school(frame: Frame) -> None:
    found = returns.unplaced(frame.connection)
    if found.is_empty():
        return
    st.header("Files of no school or term", anchor=False)
    look.lines(
        [
            f"<strong>{html(row['file_name'])}</strong>: {html(row['message'])} <span class='quiet'>{html(row['remedy'])}"
            f" ({html(row['rule_code'])})</span>"
            for row in found.iter_rows(named=True)
        ]
    )
    about(
        frame,
        "Files of no school or term",
        {"Counts": "Files that could not be placed, whenever they came", "Source": SOURCE},
    )


def la_files(frame: Frame) -> None:
    found = returns.la_files(frame.connection)
    if found.is_empty():
        return
    st.header("The LA's own files", anchor=False)
    look.lines(
        [
            f"<strong>{html(row['path'])}</strong> <span class='quiet'>{row['rows'] or 0:,} rows, "
            f"{'in use' if row['state'] == 'current' else 'not used'} since {day(row['received_at'])}</span> "
            f"{html(row['fault'] or '')}"
            for row in found.iter_rows(named=True)
        ]
    )
    about(
        frame,
        "The LA's own files",
        {"Counts": "Files of the reference folder that are in use, and those that could not be", "Source": SOURCE},
    )


def main() -> None:
    frame = current()
    st.write("Who sent what and when, what of it is not counted, and what schools are asked to put right.")
    sent = returns.of_term(frame.connection, frame.term)
    if frame.school:
        sent = sent.filter(urn=frame.school)
    headlines(frame, sent)
    to_ring(frame)
    by_school(frame, sent)
    rules(frame)
    issue_list(frame)
    if not frame.school:
        without_a_school(frame)
        la_files(frame)
        over_terms(frame)


main()
