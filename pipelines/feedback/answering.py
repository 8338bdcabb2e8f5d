"""Answering the schools: a letter for every return, and every file that could not be used, with anything to say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

import duckdb
import polars as pl

from expectations.contracts import Contract, known_versions, load_contract
from pipelines.feedback.contacts import contacts_of_schools, written_to
from pipelines.feedback.findings import in_order
from pipelines.feedback.letters import (
    ReturnFacts,
    content_of_answer,
    folder,
    kind_of_answer,
    letter_id,
    write_answer,
)
from pipelines.feedback.outbox import Outbox, open_outbox, safe_name
from pipelines.feedback.own_return import received_tables
from pipelines.feedback.posting import Letter, drop_overtaken, enter, letters_made, post
from pipelines.feedback.profiles import Profile
from pipelines.feedback.standing import corrected_by_returns, issues_of_returns
from pipelines.feedback.workbooks import feedback_workbook, visible_issues
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import LATEST_CONTRACT, raw_tables, transaction

# returns whose rows are in memory at once
BATCH = 40

STATUS = {
    "rejected": "Not accepted: nothing in this file is counted",
    "held": "On hold: it is not counted yet, and your earlier return still is",
    "accepted_with_errors": "Accepted with errors, which must be corrected",
    "queried": "Accepted, with queries: all of it is counted",
}


@dataclass(frozen=True)
class _Answer:
    """What is to be said about one file."""

    facts: ReturnFacts
    kind: str
    issues: pl.DataFrame
    settled: pl.DataFrame  # what it settled of an earlier return's issues
    letter_id: str

    @property
    def workbook_name(self) -> str | None:
        """The workbook that goes with it, if any."""
        if self.kind not in STATUS or self.issues.is_empty():
            return None
        stem = safe_name(PurePosixPath(self.facts.file_name).stem)
        return f"{stem}_feedback_{self.facts.return_id[:8]}.xlsx"


def answer_schools(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    terms: list[str],
    on: date,
    profiles: Mapping[str, Profile] | None = None,
) -> dict[str, int]:
    """A letter, and a workbook in the school's folder of the outbox, for every file of the terms with anything to say.

    profiles: return_id -> the school's profile, which its workbook has as sheets.
    Each is made once for the same content (file, state, issues), and every letter that waits is posted, of any term.
    Gives counts: returns, letters, workbooks, overtaken, and those of `posting.post`.
    """
    contract = load_contract(LATEST_CONTRACT)
    outbox = open_outbox(settings)
    answers = _answers(settings, connection, contract, terms)
    made = letters_made(connection, [answer.letter_id for answer in answers])
    fresh = [answer for answer in answers if answer.letter_id not in made]
    contacts = contacts_of_schools(connection)
    letters, workbooks = [], 0
    for start in range(0, len(fresh), BATCH):
        batch = fresh[start : start + BATCH]
        workbooks += _put_workbooks(settings, connection, contract, outbox, batch, profiles or {})
        for answer in batch:
            to = written_to(contacts.get(answer.facts.urn, []), answer.kind)
            letter = write_answer(
                settings,
                contract,
                answer.facts,
                answer.kind,
                answer.issues,
                to,
                answer.workbook_name,
                on,
                answer.settled,
            )
            outbox.put(letter.path, letter.message)
            letters.append(letter)
    _enter(connection, letters, on)
    with transaction(connection):
        overtaken = drop_overtaken(connection, terms, [answer.letter_id for answer in answers])
    counts = {"returns": len(answers), "letters": len(letters), "workbooks": workbooks, "overtaken": overtaken}
    return counts | post(settings, connection, outbox, on)


def _enter(connection: duckdb.DuckDBPyConnection, letters: list[Letter], on: date) -> None:
    """After the files are in the outbox: a run killed before this writes the same files again."""
    with transaction(connection):
        enter(connection, letters, on)


def _answers(
    settings: Settings, connection: duckdb.DuckDBPyConnection, contract: Contract, terms: list[str]
) -> list[_Answer]:
    """Everything that is to be said about the terms' files, whether it was said already or not."""
    files = _files(settings, connection, terms)
    ids = [facts.return_id for facts in files]
    shown = visible_issues(in_order(issues_of_returns(connection, ids), contract))
    of_file = shown.partition_by("return_id", as_dict=True, maintain_order=True)
    settled = in_order(corrected_by_returns(connection, ids), contract)
    settled_by = settled.partition_by("return_id", as_dict=True, maintain_order=True)
    none = shown.clear()
    answers = []
    for facts in files:
        its_issues = of_file.get((facts.return_id,), none)
        it_settled = settled_by.get((facts.return_id,), settled.clear())
        kind = kind_of_answer(facts.state, its_issues)
        known_as = letter_id(facts.urn, facts.term.term, kind, content_of_answer(facts, kind, its_issues, it_settled))
        answers.append(_Answer(facts, kind, its_issues, it_settled, known_as))
    return [answer for answer in answers if _has_something_to_say(answer)]


def _has_something_to_say(answer: _Answer) -> bool:
    """Thanks are for a school that was told of something before; of a file that a newer one made up for nothing is left."""
    if answer.kind == "accepted":
        return answer.facts.asked_before
    return not (answer.facts.current_is_newer and answer.issues.is_empty())


def _files(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]) -> list[ReturnFacts]:
    """The files of the terms that are answered: current, rejected and held returns, and files that came twice."""
    calendar = load_calendar(settings)
    tables = " UNION ALL ".join(f"SELECT return_id, return_term FROM {table}" for table in raw_tables())
    rows = connection.sql(
        f"""
        WITH files AS (
            SELECT *, row_number() OVER (PARTITION BY urn, term ORDER BY received_at, serial NULLS FIRST, file_name, file_id) AS place
            FROM ledger.files WHERE list_contains($terms, term) AND urn IS NOT NULL
        ),
        schools AS (
            SELECT urn, any_value(laestab) AS laestab, any_value(name) AS name FROM reference.schools GROUP BY urn
        ),
        received AS (
            SELECT return_id, count(*) AS rows_received FROM ({tables}) WHERE list_contains($terms, return_term)
            GROUP BY return_id
        ),
        not_counted AS (
            SELECT return_id, count(DISTINCT (table_name, row_number)) AS rows_not_counted
            FROM quality.quarantined_rows WHERE list_contains($terms, term) GROUP BY return_id
        ),
        current_returns AS (
            SELECT file_id, urn, term, file_name, received_at, place FROM files WHERE state = 'current'
        ),
        superseded AS (
            SELECT urn, term, max_by(file_name, place) AS file_name FROM files WHERE state = 'superseded'
            GROUP BY urn, term
        ),
        asked AS (
            SELECT urn, term, return_id AS file_id FROM ledger.letters
            WHERE list_contains($terms, term) AND kind NOT IN ('accepted', 'duplicate', 'profile')
            UNION ALL
            SELECT urn, term, file_id FROM files WHERE state IN ('rejected', 'held')
        ),
        asked_before AS (
            -- a reminder is about no file, and was before any that stands
            SELECT DISTINCT files.file_id
            FROM files
            INNER JOIN asked ON asked.urn = files.urn AND asked.term = files.term
            LEFT JOIN files AS about ON about.file_id = asked.file_id
            WHERE asked.file_id IS NULL OR asked.file_id = files.file_id OR about.place < files.place
        ),
        serials AS (SELECT urn, term, max(serial) + 1 AS next_serial FROM files GROUP BY urn, term)
        SELECT files.file_id, files.file_name, files.urn, coalesce(schools.laestab, files.laestab, files.urn) AS laestab,
            coalesce(schools.name, 'your school') AS school, files.term, files.state, files.format, files.received_at,
            serials.next_serial, coalesce(received.rows_received, 0) AS rows_received,
            coalesce(not_counted.rows_not_counted, 0) AS rows_not_counted,
            current_returns.file_name AS current_file, current_returns.received_at AS current_received_at,
            coalesce(current_returns.place > files.place, false) AS current_is_newer,
            CASE WHEN files.state = 'current' THEN superseded.file_name END AS replaced_file,
            asked_before.file_id IS NOT NULL AS asked_before,
            coalesce(files.duplicate_of = current_returns.file_id, false) AS repeats_current,
            files.specification
        FROM files
        LEFT JOIN schools USING (urn)
        LEFT JOIN received ON received.return_id = files.file_id
        LEFT JOIN not_counted ON not_counted.return_id = files.file_id
        LEFT JOIN current_returns ON current_returns.urn = files.urn AND current_returns.term = files.term
        LEFT JOIN superseded ON superseded.urn = files.urn AND superseded.term = files.term
        LEFT JOIN serials ON serials.urn = files.urn AND serials.term = files.term
        LEFT JOIN asked_before ON asked_before.file_id = files.file_id
        WHERE files.state IN ('current', 'rejected', 'held', 'duplicate')
        ORDER BY files.term, files.urn, files.place
        """,
        params={"terms": terms},
    ).fetchall()
    return [ReturnFacts(*row[:5], calendar[row[5]], *row[6:]) for row in rows]


def _put_workbooks(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    outbox: Outbox,
    answers: list[_Answer],
    profiles: Mapping[str, Profile],
) -> int:
    """Write the workbooks of some answers, each with the columns of its return's own version; gives their number."""
    answers = [answer for answer in answers if answer.workbook_name]
    for version in {answer.facts.specification for answer in answers}:
        own = load_contract(version) if version in known_versions() else contract
        alike = [answer for answer in answers if answer.facts.specification == version]
        received = received_tables(connection, own, [answer.facts.return_id for answer in alike])
        for answer in alike:
            facts = answer.facts
            data = feedback_workbook(
                settings,
                own,
                facts,
                STATUS[answer.kind],
                answer.issues,
                received.get(facts.return_id, {}),
                profiles.get(facts.return_id),
            )
            outbox.put(f"{folder(facts.laestab, facts.urn, facts.term.term)}/{answer.workbook_name}", data)
    return len(answers)
