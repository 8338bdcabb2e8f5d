"""What was received, from whom, what is outstanding: from the newest snapshot, so that a run under way disturbs nobody."""

from datetime import date
from typing import Any

import polars as pl

from pipelines.publishing.outstanding import still_missing
from pipelines.publishing.snapshots import NoSnapshotError, open_snapshot
from pipelines.settings import Settings
from pipelines.terms import load_calendar


def find_status(settings: Settings, on: date) -> dict[str, Any]:
    """The snapshot, its terms with their returns by status, what the term that is due on a day still waits for, and whom
    to ring of the newest whose deadline has passed.
    """
    due = [term for term in load_calendar(settings).values() if term.window_opens_on <= on <= term.deadline]
    found: dict[str, Any] = {
        "data_dir": str(settings.data_dir.resolve()),
        "snapshot": None,
        "published_at": None,
        "window_open": due[0].term if due else None,
        "deadline": due[0].deadline.isoformat() if due else None,
        "terms": [],
        "deadline_passed": None,
        "to_ring": [],
        "la_files_at_fault": [],
        "restated_figures": 0,
    }
    try:
        connection, name = open_snapshot(settings)
    except NoSnapshotError:
        return found
    with connection:
        found["snapshot"] = str((settings.published_dir / name).resolve())
        found["published_at"] = str(connection.sql("SELECT published_at FROM marts.snapshot").fetchone()[0])
        statuses = ("accepted", "queried", "accepted_with_errors", "rejected", "missing")
        counts = ", ".join(f"count(*) FILTER (WHERE r.status = '{s}')" for s in statuses)
        rows = connection.sql(
            f"""SELECT t.term, {counts}, sum(r.errors), sum(r.queries),
                coalesce(list(s.name ORDER BY s.name) FILTER (WHERE r.status IN ('missing', 'rejected')), [])
            FROM marts.returns AS r JOIN marts.schools AS s USING (urn) JOIN marts.terms AS t USING (term)
            GROUP BY t.term, t.starts_on ORDER BY t.starts_on"""
        ).fetchall()
        at_fault = connection.sql(
            "SELECT path, fault FROM marts.la_files WHERE fault IS NOT NULL ORDER BY path"
        ).fetchall()
        found["restated_figures"] = connection.sql(
            "SELECT count(*) FROM marts.restatements SEMI JOIN marts.snapshot USING (published_at)"
        ).fetchone()[0]
        passed = connection.execute(
            "SELECT term FROM marts.terms WHERE deadline < ? ORDER BY deadline DESC LIMIT 1", [on]
        ).fetchone()
        if passed:
            found["deadline_passed"] = passed[0]
            to_ring = still_missing(settings, connection, passed[0], on)
            # dates as ISO text: this is printed as JSON too
            found["to_ring"] = to_ring.with_columns(pl.col("on_date").cast(pl.String)).to_dicts()
        found["la_files_at_fault"] = [{"path": path, "fault": fault} for path, fault in at_fault]
    for term, *numbers, outstanding in rows:
        names = (*statuses, "errors", "queries")
        found["terms"].append(
            {"term": term, **dict(zip(names, map(int, numbers), strict=True)), "outstanding": outstanding}
        )
    return found


def describe(found: dict[str, Any]) -> str:
    """The same for a person: a line a term, the newest last, and who is outstanding in it."""
    if not found["snapshot"]:
        return f"Nothing has been published in {found['data_dir']} yet: run `sen run` or `sen demo`."
    lines = [f"Published {found['published_at']}: {found['snapshot']}", ""]
    lines.append(
        f"{'term':16}{'accepted':>10}{'queried':>9}{'with errors':>13}{'rejected':>10}{'missing':>9}{'errors':>9}{'queries':>9}"
    )
    for term in found["terms"]:
        lines.append(
            f"{term['term']:16}{term['accepted']:>10}{term['queried']:>9}{term['accepted_with_errors']:>13}"
            f"{term['rejected']:>10}{term['missing']:>9}{term['errors']:>9}{term['queries']:>9}"
        )
    newest = found["terms"][-1] if found["terms"] else None
    if newest and newest["outstanding"]:
        lines += ["", f"Outstanding for {newest['term']}: {', '.join(newest['outstanding'])}"]
    if found["to_ring"]:
        days = found["to_ring"][0]["days_past"]
        lines += [
            "",
            f"To ring for {found['deadline_passed']}, {days} {'day' if days == 1 else 'days'} past the deadline:",
        ]
        lines += [line for school in found["to_ring"] for line in _to_ring(school)]
    if found["restated_figures"]:
        figures = "1 figure" if found["restated_figures"] == 1 else f"{found['restated_figures']:,} figures"
        lines += ["", f"Restated: {figures} published before; the page Restatements says which, and why."]
    lines += [f"\n{file['path']}: {file['fault']}" for file in found["la_files_at_fault"]]
    if found["window_open"]:
        lines += ["", f"The window of {found['window_open']} is open until {found['deadline']}."]
    return "\n".join(lines)


def _to_ring(school: dict[str, Any]) -> list[str]:
    """A school still missing, whom to ask for, and what was last agreed."""
    state = "nothing received" if school["status"] == "missing" else "its return was not accepted"
    lines = [f"  {school['name']} ({school['urn']}): {state}"]
    lines += [f"    {contact}" for contact in school["contacts"].splitlines()] or ["    no contact is known"]
    if school["on_date"]:
        about = f"{school['about']}: " if school["about"] else ""
        lines.append(f"    last contact {school['on_date']}, {school['who']}: {about}{school['agreed']}")
    return lines
