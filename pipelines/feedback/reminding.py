"""Reminding the schools that are due and have sent nothing, and telling the LA which still have not."""

from datetime import date

import duckdb

from pipelines.building.model_sql import model_sql
from pipelines.feedback.contacts import contacts_of_schools, written_to
from pipelines.feedback.letters import ReminderFacts, write_list_of_missing, write_reminder
from pipelines.feedback.outbox import open_outbox
from pipelines.feedback.posting import REMINDERS, Letter, enter, letters_made, post
from pipelines.settings import Settings
from pipelines.terms import Term, load_calendar
from pipelines.warehouse import sql_text, transaction

THE_DUTY = "SCH11"  # to send a return


def remind_schools(settings: Settings, connection: duckdb.DuckDBPyConnection, on: date) -> dict[str, int]:
    """A letter to each school that is due and has sent nothing that stands, on each of the calendar's reminder days; and
    once the deadline has passed, one to the LA with those that still have not.

    Once for each reminder; from a reminder's day to the deadline, and not after. A return that is held stands.
    Gives counts: schools_missing (over the terms being reminded of), reminders, lists_of_missing, and those of
    `posting.post`.
    """
    outbox = open_outbox(settings)
    calendar = load_calendar(settings)
    due_now = [(term, _kind(term, on)) for term in calendar.values() if _kind(term, on)]
    missing = {term.term: _schools_missing(settings, connection, term) for term, _ in due_now}
    contacts = contacts_of_schools(connection)
    reminders = [
        write_reminder(settings, facts, kind, written_to(contacts.get(facts.urn, []), kind), on)
        for term, kind in due_now
        for facts in missing[term.term]
    ]
    fresh = _new(connection, reminders)
    for letter in fresh:
        outbox.put(letter.path, letter.message)
    with transaction(connection):
        enter(connection, fresh, on)
        _drop_stale(connection, [letter.letter_id for letter in reminders])
    counts = {
        "schools_missing": sum(map(len, missing.values())),
        "reminders": len(fresh),
        "lists_of_missing": list_missing_schools(settings, connection, on),
    }
    return counts | post(settings, connection, outbox, on)


def list_missing_schools(settings: Settings, connection: duckdb.DuckDBPyConnection, on: date) -> int:
    """The letter to the LA about the schools still missing, for the next post; gives how many were written (0 or 1).

    Also at the end of a term's run, by which files that came are judged: who sent one that is rejected is missing.
    """
    fresh = _new(connection, _lists_of_missing(settings, connection, load_calendar(settings), on))
    outbox = open_outbox(settings)
    for letter in fresh:
        outbox.put(letter.path, letter.message)
    with transaction(connection):
        enter(connection, fresh, on)
    return len(fresh)


def _new(connection: duckdb.DuckDBPyConnection, letters: list[Letter]) -> list[Letter]:
    made = letters_made(connection, [letter.letter_id for letter in letters])
    return [letter for letter in letters if letter.letter_id not in made]


def _kind(term: Term, on: date) -> str | None:
    """Which reminder is due on this day, if any."""
    if not term.reminder_on <= on <= term.deadline:
        return None
    return "second_reminder" if on >= term.second_reminder_on else "reminder"


def _lists_of_missing(
    settings: Settings, connection: duckdb.DuckDBPyConnection, calendar: dict[str, Term], on: date
) -> list[Letter]:
    """The letter to the LA about the term whose deadline was the last; none where every school has sent its return.

    Until the next term's window opens: by then it is for the next one that schools are asked. Nor about a term of which
    nothing was ever received: that was before schools sent anything here. Nor while what came waits to be judged.
    """
    term = max((term for term in calendar.values() if term.deadline < on), key=lambda term: term.deadline, default=None)
    if term is None or any(term.deadline < other.window_opens_on <= on for other in calendar.values()):
        return []
    states = connection.execute("SELECT DISTINCT state FROM ledger.files WHERE term = ?", [term.term]).fetchall()
    if not states or ("received",) in states:
        return []
    missing = _schools_missing(settings, connection, term)
    return [write_list_of_missing(settings, term, missing, on)] if missing else []


def _schools_missing(settings: Settings, connection: duckdb.DuckDBPyConnection, term: Term) -> list[ReminderFacts]:
    """Schools from which the term's return is due, as dbt's own models say it, and whose files, if any, were all rejected.

    dbt has not run for the term where nobody has sent anything: its SQL is asked of the term as the calendar has it.
    """
    given = {
        "int_terms_to_build": f"SELECT {sql_text(term.term)} AS term, DATE '{term.as_at_date}' AS as_at_date",
        "stg_returns": "SELECT NULL::VARCHAR AS urn, NULL::VARCHAR AS term, NULL::VARCHAR AS return_id WHERE false",
    }
    rows = connection.execute(
        f"""
        WITH due AS (
            SELECT urn FROM ({model_sql(settings, "int_school_duties", given)}) WHERE indicator_id = $the_duty AND is_due
        ),
        -- what a school sent before it became an academy is its own
        files AS (SELECT * FROM ({model_sql(settings, "stg_files")}) WHERE term = $term)
        SELECT schools.urn, schools.laestab, schools.name,
            max_by(files.file_name, files.received_at) FILTER (WHERE files.state = 'rejected')
        FROM ({model_sql(settings, "int_schools_of_la")}) AS schools
        SEMI JOIN due USING (urn)
        LEFT JOIN files USING (urn)
        GROUP BY ALL
        HAVING count(files.file_id) FILTER (WHERE files.state IN ('received', 'held', 'superseded', 'current')) = 0
        ORDER BY schools.urn
        """,
        {"term": term.term, "the_duty": THE_DUTY},
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
