"""A school's return, checked before it is sent: every issue that a run would find, and nothing of the file is stored."""

from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dashboards import look
from dashboards.frame import Frame, current
from dashboards.words import count_of, html, term_label
from expectations.contracts import load_contract
from pipelines.checking.dry_run import DryRun, verdict
from pipelines.checking.dry_run_apart import DryRunFailedError, dry_run_apart
from pipelines.feedback.findings import in_order
from pipelines.reference import NoEstablishments
from pipelines.settings import get_settings
from pipelines.warehouse import LATEST_CONTRACT

CHECKED = "checked_return"  # of this session: which file, and what was found
KINDS = {
    "error": ("Errors", "must be corrected", "#b3261e"),
    "query": ("Queries", "are corrected or explained", "#8a5300"),
}
CHECKING = "Checking the return. This takes about a quarter of a minute."
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def what_happens() -> None:
    """One click away: what becomes of the file."""
    st.html(
        "<details class='about'><summary>What happens to the file</summary><dl>"
        "<dt>Stored</dt><dd>Nothing. The file is checked on a copy of the data, in a temporary folder that is removed with "
        "everything in it once the check has ended, whether it found something, failed or was left.</dd>"
        "<dt>Sent</dt><dd>Nothing. It is no return yet: send it as usual.</dd>"
        "<dt>Held against</dt><dd>The rules of every return, last term's return of the school, the other schools' of the "
        "term, and the LA's own data: as a run would hold it now.</dd>"
        "<dt>Shown</dt><dd>Sheets, rows and columns, and no pupil. The workbook to download holds pupils' UPNs.</dd>"
        "</dl></details>"
    )


def check(name: str, data: bytes) -> DryRun | str:
    """What was found, or a sentence that says why nothing was."""
    with st.spinner(CHECKING):
        line = st.empty()

        def meanwhile(waiting_for: str) -> None:
            # where the visitor has gone, this ends the script, and the check with it
            line.caption(waiting_for or " ")

        try:
            found = dry_run_apart(get_settings(), data, name, datetime.now(), meanwhile)
        except NoEstablishments as error:
            return str(error)
        except DryRunFailedError as error:
            return f"The check itself failed ({error}). Nothing of the file was kept. Try it once more."
        finally:
            line.empty()
    return found


def headlines(frame: Frame, found: DryRun) -> None:
    """What would become of the file, and how much there is to do."""
    school = frame.schools[found.urn]["name"] if found.urn in frame.schools else found.urn
    whose = ", ".join(filter(None, (school, term_label(found.term) if found.term else None)))
    becomes = verdict(found) if found.can_be_read else "cannot be read as a return"
    st.html(
        f"<p class='finding'>{html(found.file_name)} {html(becomes)}.</p>"
        f"<p class='subfinding'>{html(whose or 'Of no school and term that could be told')}</p>"
    )
    counts = {"error": found.errors, "query": found.queries}
    look.tiles(
        [
            look.headline(name, f"{counts[severity]:,}", words, "", colour if counts[severity] else "#1a6e35")
            for severity, (name, words, colour) in KINDS.items()
        ],
        headlines=True,
    )


def ranges(numbers: list[int]) -> str:
    """Rows as a person says them: 2, 5 to 9 and 12."""
    spans = []
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        rows = [row for _, row in run]
        spans.append(f"{rows[0]}" if len(rows) == 1 else f"{rows[0]} to {rows[-1]}")
    return spans[0] if len(spans) == 1 else f"{', '.join(spans[:-1])} and {spans[-1]}"


def listed(found: DryRun) -> None:
    """Every issue, errors first; of one rule, column and sentence all rows together."""
    issues = in_order(found.issues, load_contract(LATEST_CONTRACT))
    for severity, (name, words, _) in KINDS.items():
        of_kind = issues.filter(severity=severity)
        if of_kind.is_empty():
            continue
        st.header(f"{name}: {words}", anchor=False)
        together = of_kind.group_by(
            "rule_code", "table_name", "field", "message", "remedy", "until_corrected", maintain_order=True
        ).agg(rows=pl.col("row_number").drop_nulls().unique().sort(), issues=pl.len())
        look.lines([_line(row, severity) for row in together.iter_rows(named=True)])


def _line(row: dict[str, Any], severity: str) -> str:
    where = "The file" if row["table_name"] == "files" else f"Sheet {row['table_name']}"
    parts = [where, f"column {row['field']}" if row["field"] else ""]
    if row["rows"]:
        parts.append(f"{'row' if len(row['rows']) == 1 else 'rows'} {ranges(row['rows'])}")
    elif row["issues"] > 1:
        parts.append(count_of(row["issues"], "time"))
    # the remedy often says it already
    says_it = severity == "query" or "counted" in row["remedy"]
    meanwhile = "" if says_it else f" {row['until_corrected']}."
    return (
        f"<strong>{html(', '.join(filter(None, parts)))}</strong> <span class='quiet'>{html(row['rule_code'])}</span>"
        f"<br>{html(row['message'])}<br><span class='quiet'>{html(row['remedy'] + meanwhile)}</span>"
    )


def workbook(found: DryRun) -> None:
    """The workbook that the school would get; made into a download only when it is asked for."""
    if not found.workbook:
        return
    content = found.workbook
    st.download_button(
        "Download the workbook with every issue",
        data=lambda: content,
        file_name=f"{Path(found.file_name).stem} checked.xlsx",
        mime=XLSX,
        on_click="ignore",
        key="checked_workbook",
    )
    st.caption(
        "Your own rows, the cells at fault coloured, and a place to explain each query. It holds pupils' UPNs: keep it within "
        "the school. Correct it and send it as your return."
    )


def main() -> None:
    frame = current()
    st.write("Drop a return here before it is sent, and see every issue that a run would find in it.")
    file = st.file_uploader(
        "The return: an Excel workbook (.xlsx) or a ZIP of CSV files",
        max_upload_size=get_settings().max_file_megabytes,
        key="return_to_check",
    )
    what_happens()
    if file is None:
        st.session_state.pop(CHECKED, None)
        return
    known, found = st.session_state.get(CHECKED, (None, None))
    if known != file.file_id:
        found = check(file.name, file.getvalue())
        st.session_state[CHECKED] = (file.file_id, found)
    if isinstance(found, str):
        st.error(found)
        return
    st.header("What a run would say", anchor=False)
    headlines(frame, found)
    if found.issues.is_empty():
        st.success("No rule is broken: it can be sent as it is.")
        return
    workbook(found)
    listed(found)


main()
