"""Reminding the schools that are due and have sent nothing."""

from datetime import date

import duckdb

from pipelines.feedback.contacts import contacts_of_schools, written_to
from pipelines.feedback.letters import ReminderFacts, write_reminder
from pipelines.feedback.outbox import open_outbox
from pipelines.feedback.posting import REMINDERS, enter, letters_made, post
from pipelines.settings import SEEDS_DIR, Settings
from pipelines.terms import Term, load_calendar
from pipelines.warehouse import transaction

OPEN = ("Open", "Open, but proposed to close")
THE_DUTY = "SCH11"  # to send a return: whom it binds is in the seeds, as for its figure
SEEDS = ("school_kinds", "duty_applies_to", "returns_also_due_from")


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
    """Schools due (open, of the LA, state-funded or added by it) whose files of the term, if any, were all rejected."""
    rows = connection.execute(
        """
        WITH schools AS (
            SELECT * FROM reference.schools
            WHERE la_code = $la_code AND list_contains($open, status)
                AND coalesce(open_date, $as_at_date) <= $as_at_date
        ),
        applies AS (
            SELECT school_kind, applies_as FROM read_csv($duty_applies_to, all_varchar = true, header = true)
            WHERE indicator_id = $the_duty AND valid_from::DATE <= $as_at_date
            QUALIFY row_number() OVER (PARTITION BY school_kind ORDER BY valid_from DESC) = 1
        ),
        not_bound AS (
            SELECT schools.urn
            FROM schools
            INNER JOIN read_csv($school_kinds, all_varchar = true, header = true) AS kinds
                ON kinds.gias_value
                    = CASE kinds.gias_column WHEN 'type_group' THEN type_group WHEN 'type' THEN type WHEN 'phase' THEN phase END
                AND coalesce((kinds.section_41 = 'yes') = coalesce(schools.section_41, false), true)
            INNER JOIN applies ON kinds.school_kind = applies.school_kind AND applies.applies_as = 'not'
        ),
        added AS (
            SELECT urn FROM read_csv($returns_also_due_from, all_varchar = true, header = true)
            WHERE valid_from::DATE <= $as_at_date AND coalesce(valid_to::DATE, $as_at_date) >= $as_at_date
        )
        SELECT schools.urn, any_value(schools.laestab), any_value(schools.name),
            max_by(files.file_name, files.received_at) FILTER (WHERE files.state = 'rejected')
        FROM schools
        LEFT JOIN ledger.files AS files ON files.urn = schools.urn AND files.term = $term
        WHERE schools.urn IN (SELECT urn FROM added) OR schools.urn NOT IN (SELECT urn FROM not_bound)
        GROUP BY schools.urn
        HAVING count(files.file_id) FILTER (WHERE files.state IN ('received', 'held', 'superseded', 'current')) = 0
        ORDER BY schools.urn
        """,
        {
            "term": term.term,
            "as_at_date": term.as_at_date,
            "la_code": settings.la_code,
            "open": list(OPEN),
            "the_duty": THE_DUTY,
            **{seed: str(SEEDS_DIR / f"{seed}.csv") for seed in SEEDS},
        },
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
