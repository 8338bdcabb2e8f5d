"""The conversation with the schools at the command line: explanations that wait for a decision, and notes of contact."""

import getpass
from datetime import date
from typing import Any

from pipelines.casework import add_note, decide, decisions
from pipelines.publishing.snapshots import NoSnapshotError, open_snapshot
from pipelines.settings import Settings


def waiting(settings: Settings) -> list[dict[str, Any]]:
    """The explanations of the newest snapshot on which nothing was decided yet, the longest waiting first.

    Each: id, urn, school, term, rule_code, query, text, given_at, still_raised. Raises NoSnapshotError.
    """
    decided = set(decisions(settings)["explanation_id"])
    return [row for row in _published(settings) if row["decision"] is None and row["id"] not in decided]


def decide_on(settings: Settings, given: str, decision: str, *, by: str | None, note: str | None) -> str:
    """Accept or refuse the one explanation whose id begins so; gives a sentence for the person who asked.

    Raises ValueError where no explanation, or several, have such an id, and for a refusal without a note.
    """
    found = [row for row in _published(settings) if row["id"].startswith(given.strip().lower())]
    if len(found) != 1:
        raise ValueError(
            f"{'No explanation has' if not found else 'Several explanations have'} an id that begins with {given}: "
            "`sen explanations` lists those that wait."
        )
    [row] = found
    decide(settings, row["id"], decision, by=by or getpass.getuser(), note=note)
    return (
        f"{decision.capitalize()}: {row['school']}, {row['rule_code']}. The next run takes it in and tells the school."
    )


def _published(settings: Settings) -> list[dict[str, Any]]:
    connection, _ = open_snapshot(settings)
    with connection:
        found = connection.sql("""
            SELECT explanation_id AS id, explanations.urn, coalesce(schools.name, explanations.urn) AS school,
                newest_term AS term, rule_code, message AS query, text, given_at, is_raised AS still_raised, decision
            FROM marts.explanations AS explanations LEFT JOIN marts.schools AS schools ON schools.urn = explanations.urn
            ORDER BY given_at, school, rule_code, id
        """)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def describe_waiting(found: list[dict[str, Any]]) -> str:
    """The same for a person."""
    if not found:
        return "No explanation is waiting."
    lines = [f"{len(found)} waiting. Accept one with --accept ID; refuse it with --refuse ID --note 'why'.", ""]
    for row in found:
        corrected = "" if row["still_raised"] else " (corrected since)"
        lines += [
            f"{row['id']}  {row['school']}, {row['term']}, {row['rule_code']}{corrected}",
            f"    asked: {row['query']}",
            f"    says:  {row['text']}",
        ]
    return "\n".join(lines)


def note_contact(
    settings: Settings, urn: str | None, *, who: str | None, agreed: str, about: str | None, on_date: date
) -> str:
    """Keep a note of contact; gives a sentence. Raises ValueError for a school that the snapshot does not know."""
    if not urn:
        raise ValueError("Say with --school which school it was: its URN.")
    name = _school(settings, urn)
    add_note(settings, urn, who=who or getpass.getuser(), agreed=agreed, about=about, on_date=on_date)
    return f"Noted for {name}."


def _school(settings: Settings, urn: str) -> str:
    try:
        connection, _ = open_snapshot(settings)
    except NoSnapshotError:
        return urn  # nothing published yet: nothing to look it up in
    with connection:
        row = connection.execute("SELECT name FROM marts.schools WHERE urn = ?", [urn]).fetchone()
    if row is None:
        raise ValueError(f"No school has the URN {urn}.")
    return row[0]


def describe_notes(found: list[dict[str, Any]]) -> str:
    """Notes of contact for a person, the newest first."""
    if not found:
        return "No contact has been noted."
    return "\n".join(
        f"{note['on_date']}  {note['urn']}  {note['who']}: {note['about'] + ': ' if note['about'] else ''}{note['agreed']}"
        for note in found
    )
