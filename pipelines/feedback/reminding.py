"""Reminding the schools that are due and have sent nothing."""

from datetime import date

import duckdb

from pipelines.feedback.contacts import contacts_of_schools, written_to
from pipelines.feedback.letters import ReminderFacts, write_reminder
from pipelines.feedback.outbox import open_outbox
from pipelines.feedback.posting import REMINDERS, enter, letters_made, post
from pipelines.settings import Settings
from pipelines.terms import Term, load_calendar
from pipelines.warehouse import transaction

OPEN = ("Open", "Open, but proposed to close")
STATE_FUNDED = ("Local authority maintained schools", "Academies", "Free Schools", "Special schools", "Colleges")


def remind_schools(settings: Settings, connection: duckdb.DuckDBPyConnection, on: date) -> dict[str, int]:
    """A letter to each school that is due and has sent nothing that stands, on each of the calendar's reminder days.

    Once for each reminder; from a reminder's day to the deadline, and not after. A return that is held stands.
    Gives counts: schools_missing (over the terms being reminded of), reminders, and those of `posting.post`.
    """
    outbox = open_outbox(settings)
    due_now = [(term, _kind(term, on)) for term in load_calendar(settings).values() if _kind(term, on)]
    missing = {term.term: _schools_missing(settings, connection, term) for term, _ in due_now}
    contacts = contacts_of_schools(connection)
    written = [
        write_reminder(settings, facts, kind, written_to(contacts.get(facts.urn, []), kind), on)
        for term, kind in due_now
        for facts in missing[term.term]
    ]
    made = letters_made(connection, [letter.letter_id for letter in written])
    fresh = [letter for letter in written if letter.letter_id not in made]
    for letter in fresh:
        outbox.put(letter.path, letter.message)
    with transaction(connection):
        enter(connection, fresh, on)
        _drop_stale(connection, [letter.letter_id for letter in written])
    counts = {"schools_missing": sum(map(len, missing.values())), "reminders": len(fresh)}
    return counts | post(settings, connection, outbox, on)


def _kind(term: Term, on: date) -> str | None:
    """Which reminder is due on this day, if any."""
    if not term.reminder_on <= on <= term.deadline:
        return None
    return "second_reminder" if on >= term.second_reminder_on else "reminder"


def _schools_missing(settings: Settings, connection: duckdb.DuckDBPyConnection, term: Term) -> list[ReminderFacts]:
    """Schools due (open, state-funded, of the LA) whose files of the term, if any, were all rejected."""
    rows = connection.execute(
        """
        SELECT schools.urn, any_value(schools.laestab), any_value(schools.name),
            max_by(files.file_name, files.received_at) FILTER (WHERE files.state = 'rejected')
        FROM reference.schools AS schools
        LEFT JOIN ledger.files AS files ON files.urn = schools.urn AND files.term = ?
        WHERE schools.la_code = ? AND list_contains(?, schools.status) AND list_contains(?, schools.type_group)
        GROUP BY schools.urn
        HAVING count(files.file_id) FILTER (WHERE files.state IN ('received', 'held', 'superseded', 'current')) = 0
        ORDER BY schools.urn
        """,
        [term.term, settings.la_code, list(OPEN), list(STATE_FUNDED)],
    ).fetchall()
    return [ReminderFacts(term, *row) for row in rows]


def _drop_stale(connection: duckdb.DuckDBPyConnection, still_meant: list[str]) -> None:
    """A reminder that has not gone is dropped once the return is in, the next reminder is due or the deadline is past."""
    connection.execute(
        """
        UPDATE ledger.letters SET state = 'overtaken', message = NULL
        WHERE list_contains(?, kind) AND NOT list_contains(?, letter_id)
            AND state IN ('waiting', 'sending', 'no_contact', 'given_up')
        """,
        [list(REMINDERS), still_meant],
    )
