"""The post: every letter has a line in the ledger, and goes once, however often a run is repeated or killed."""

import csv
import io
import logging
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta

import duckdb
import polars as pl

from pipelines.feedback.contacts import Contact, contacts_of_schools, the_authority, written_to
from pipelines.feedback.mail import LetterRefusedError, MailServer, MailServerDownError, addressed
from pipelines.feedback.notify import Notify
from pipelines.feedback.outbox import Outbox
from pipelines.settings import Settings
from pipelines.warehouse import transaction

log = logging.getLogger(__name__)

GIVEN_UP_AFTER = 8
AUTHORITY = "_authority"  # the LA's own folder of the outbox
NOT_REACHED = f"{AUTHORITY}/letters_not_delivered.csv"
REMINDERS = ("reminder", "second_reminder")
LIST_OF_MISSING = "schools_missing"  # goes to the LA itself
PROFILE = "profile"
ABOUT_NO_FILE = (*REMINDERS, LIST_OF_MISSING, PROFILE)


@dataclass(frozen=True)
class Letter:
    """A letter as the ledger keeps it; `message` is the whole e-mail, `path` its copy in the outbox."""

    letter_id: str
    urn: str | None  # None: it goes to the LA
    term: str
    kind: str
    content_hash: str
    return_id: str | None
    subject: str
    path: str
    message_id: str
    message: bytes
    addresses: frozenset[str]  # that the message is made out to


LEDGER_FIELDS = tuple(field.name for field in fields(Letter) if field.name != "addresses")


@dataclass(frozen=True)
class _Waiting:
    """A letter that has not gone to everyone yet."""

    letter_id: str
    urn: str | None
    kind: str
    path: str
    state: str
    attempts: int
    tried_on: date | None
    addresses: frozenset[str]
    accepted_by: frozenset[str]
    message: bytes


def letters_made(connection: duckdb.DuckDBPyConnection, letter_ids: list[str]) -> set[str]:
    """Those of the letters that the ledger has already; one that was overtaken before it went may be made again."""
    return {
        row[0]
        for row in connection.execute(
            "SELECT letter_id FROM ledger.letters WHERE list_contains(?, letter_id) AND state <> 'overtaken'",
            [letter_ids],
        ).fetchall()
    }


def enter(connection: duckdb.DuckDBPyConnection, letters: list[Letter], on: date) -> None:
    """New letters into the ledger, to wait for the post. Call within a transaction."""
    if not letters:
        return
    entered = pl.DataFrame(
        {field: [getattr(one, field) for one in letters] for field in LEDGER_FIELDS}
        | {"addresses": [";".join(sorted(one.addresses)) for one in letters]},
        schema_overrides={"return_id": pl.String, "urn": pl.String},
    ).with_columns(made_at=pl.lit(on), state=pl.lit("waiting"), attempts=pl.lit(0), accepted_by=pl.lit(""))
    connection.register("entered", entered.to_arrow())
    connection.execute("INSERT OR REPLACE INTO ledger.letters BY NAME SELECT * FROM entered")
    connection.unregister("entered")


def drop_overtaken(connection: duckdb.DuckDBPyConnection, terms: list[str], still_meant: list[str]) -> int:
    """Answers of the terms that have not gone and say what no longer holds: they never go. Gives their number."""
    return connection.execute(
        """
        UPDATE ledger.letters SET state = 'overtaken', message = NULL
        WHERE list_contains(?, term) AND NOT list_contains(?, kind) AND NOT list_contains(?, letter_id)
            AND state IN ('waiting', 'sending', 'no_contact', 'given_up')
        """,
        [terms, list(ABOUT_NO_FILE), still_meant],
    ).fetchone()[0]


def post(settings: Settings, connection: duckdb.DuckDBPyConnection, outbox: Outbox, on: date) -> dict[str, int]:
    """Send what waits, of any term; without a way of sending the copy in the outbox is the delivery.

    A server that is down, or refuses a letter or an address, costs nothing but time: the letter waits for the next run.
    Gives counts: sent, filed, waiting, no_contact, given_up, mail_server_down (0 or 1).
    """
    contacts = contacts_of_schools(connection)
    counts = dict.fromkeys(("sent", "filed", "waiting", "no_contact", "given_up", "mail_server_down"), 0)
    server = _way_of_sending(settings)
    try:
        for letter in _waiting(connection):
            to = (
                the_authority(settings) if letter.urn is None else written_to(contacts.get(letter.urn, []), letter.kind)
            )
            state = _dispose(settings, connection, outbox, server, letter, to, on, counts)
            counts[state] += 1
    finally:
        if server:
            server.close()
    _list_for_the_authority(connection, outbox)
    return counts


def _way_of_sending(settings: Settings) -> MailServer | Notify | None:
    """GOV.UK Notify where a key is set, else the mail server, else none."""
    if settings.notify_api_key:
        return Notify(settings)
    return MailServer(settings.smtp_url) if settings.smtp_url else None


def _dispose(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    outbox: Outbox,
    server: MailServer | Notify | None,
    letter: _Waiting,
    to: list[Contact],
    on: date,
    counts: dict[str, int],
) -> str:
    """What becomes of one letter in this run: its new state."""
    if not to:
        _note(connection, letter, state="no_contact", last_error="the contacts have no address for this school")
        return "no_contact"
    addresses = frozenset(contact.email for contact in to)
    if addresses != letter.addresses:
        # other people: a letter that was given up gets another chance, and the copy says whom it is for
        letter = replace(letter, addresses=addresses, attempts=0, tried_on=None, message=addressed(letter.message, to))
        outbox.put(letter.path, letter.message)
    if server is None:
        _note(connection, letter, state="filed", last_error=None)
        return "filed"
    if letter.attempts >= GIVEN_UP_AFTER:
        return "given_up"
    if counts["mail_server_down"] or not _is_due(letter, on):
        if letter.state != "waiting":
            _note(connection, letter, state="waiting")
        return "waiting"
    return _send(settings, connection, server, letter, on, counts)


def _send(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    server: MailServer | Notify,
    letter: _Waiting,
    on: date,
    counts: dict[str, int],
) -> str:
    outstanding = sorted(letter.addresses - letter.accepted_by)
    refused: dict[str, str] = {}
    error = None
    try:
        server.open()
    except MailServerDownError as down:
        # no fault of this letter's: it is not an attempt
        _server_down(connection, letter, down, counts)
        return "waiting"
    again = letter.attempts > 0
    letter = replace(letter, attempts=letter.attempts + 1, tried_on=on)
    # a run killed after this line finds `sending`, and sends it again: under the same Message-ID, or asks Notify first
    _note(connection, letter, state="sending")
    try:
        if outstanding:
            refused = server.send(settings.la_email, outstanding, letter.message, again)
    except MailServerDownError as down:
        _server_down(connection, letter, down, counts)
        return "waiting"
    except LetterRefusedError as refusal:
        error, refused = f"refused: {refusal}", dict.fromkeys(outstanding, "")
    letter = replace(letter, accepted_by=letter.accepted_by | (frozenset(outstanding) - refused.keys()))
    if not refused:
        _note(connection, letter, state="sent", sent_at=on, last_error=None)
        return "sent"
    error = error or f"{len(refused)} of {len(letter.addresses)} addresses refused: " + "; ".join(
        f"{address}: {why}" for address, why in sorted(refused.items())
    )
    state = "given_up" if letter.attempts >= GIVEN_UP_AFTER else "waiting"
    log.warning("A letter was refused and %s: %s", "given up" if state == "given_up" else "waits", letter.letter_id)
    _note(connection, letter, state=state, last_error=error[:500])
    return state


def _server_down(
    connection: duckdb.DuckDBPyConnection, letter: _Waiting, down: MailServerDownError, counts: dict[str, int]
) -> None:
    counts["mail_server_down"] = 1
    log.warning("Letters wait for the next run: %s", down)
    _note(connection, letter, state="waiting", last_error=str(down))


def _is_due(letter: _Waiting, on: date) -> bool:
    """The first two tries at once, then after 1, 2, 4 days, then weekly."""
    if letter.tried_on is None or letter.attempts < 2:
        return True
    return on >= letter.tried_on + timedelta(days=min(2 ** (letter.attempts - 2), 7))


def _waiting(connection: duckdb.DuckDBPyConnection) -> list[_Waiting]:
    """Letters that have not gone, the least tried first, so that one bad letter never blocks the others."""
    rows = connection.execute(
        """
        SELECT letter_id, urn, kind, path, state, attempts, tried_on, addresses, accepted_by, message
        FROM ledger.letters WHERE state IN ('waiting', 'sending', 'no_contact', 'given_up')
        ORDER BY attempts, made_at, letter_id
        """
    ).fetchall()
    return [
        _Waiting(*row[:7], addresses=_split(row[7]), accepted_by=_split(row[8]), message=bytes(row[9])) for row in rows
    ]


def _split(addresses: str) -> frozenset[str]:
    return frozenset(filter(None, addresses.split(";")))


def _note(connection: duckdb.DuckDBPyConnection, letter: _Waiting, *, state: str, **more: object) -> None:
    """Write down at once what became of a letter."""
    values = {
        "state": state,
        "attempts": letter.attempts,
        "tried_on": letter.tried_on,
        "addresses": ";".join(sorted(letter.addresses)),
        "accepted_by": ";".join(sorted(letter.accepted_by)),
        "message": None if state in ("sent", "filed") else letter.message,
        **more,
    }
    with transaction(connection):
        connection.execute(
            f"UPDATE ledger.letters SET {', '.join(f'{column} = ?' for column in values)} WHERE letter_id = ?",
            [*values.values(), letter.letter_id],
        )


def _list_for_the_authority(connection: duckdb.DuckDBPyConnection, outbox: Outbox) -> None:
    """The letters that reached nobody, or not everybody, as a list for the LA; no file where there are none."""
    columns = ("urn", "laestab", "school", "term", "subject", "state", "why", "letter")
    rows = connection.execute(
        """
        SELECT letters.urn, schools.laestab, schools.name, letters.term, letters.subject, letters.state,
            letters.last_error, letters.path
        FROM ledger.letters AS letters
        LEFT JOIN (SELECT urn, any_value(laestab) AS laestab, any_value(name) AS name FROM reference.schools GROUP BY urn)
            AS schools USING (urn)
        WHERE letters.state IN ('waiting', 'no_contact', 'given_up')
        ORDER BY letters.state, letters.term, letters.urn, letters.letter_id
        """
    ).fetchall()
    if not rows:
        outbox.take_away(NOT_REACHED)
        return
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(columns)
    writer.writerows([_as_text(value) for value in row] for row in rows)
    outbox.put(NOT_REACHED, lines.getvalue().encode("utf-8-sig"))


def _as_text(value: str | None) -> str:
    """What a spreadsheet would take for a formula stays text."""
    return f"'{value}" if value and value[0] in "=+-@\t\r" else value or ""
