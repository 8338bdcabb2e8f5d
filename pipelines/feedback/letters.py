"""Writing a letter: what it says comes from the templates, and its counts from the findings; nothing about a pupil."""

import hashlib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from expectations.contracts import Contract
from pipelines.feedback.contacts import Contact, plain, the_authority
from pipelines.feedback.findings import Finding, struck_out, without_pupils
from pipelines.feedback.mail import TEXT_WIDTH, compose, message_id
from pipelines.feedback.outbox import safe_name
from pipelines.feedback.posting import AUTHORITY, LIST_OF_MISSING, PROFILE, Letter
from pipelines.feedback.standing import TO_DO
from pipelines.settings import Settings
from pipelines.terms import Term

if TYPE_CHECKING:
    from pipelines.feedback.profiles import Profile

MOODS = {"rejected": "stop", "accepted_with_errors": "error", "accepted": "good", PROFILE: "good"}
PRIVACY = (
    "The workbook is not attached, because it can hold pupils' UPNs. It is in your school's folder of our secure file "
    "transfer."
)
NO_PUPILS = "Please do not put a pupil's name or UPN into an e-mail: sheet and row are enough."


@dataclass(frozen=True)
class ReturnFacts:
    """What a letter needs to know about one file of a school, its issues apart."""

    return_id: str
    file_name: str
    urn: str
    laestab: str
    school: str
    term: Term
    state: str  # of the file: rejected, held, duplicate, current
    format: str | None
    received_at: datetime
    next_serial: int | None  # the serial to send next
    rows_received: int
    rows_not_counted: int
    current_file: str | None  # the return of the term that counts
    current_received_at: datetime | None
    current_is_newer: bool
    replaced_file: str | None  # the one that this one superseded
    asked_before: bool  # whether the school was told of something to put right, or reminded, before this file
    repeats_current: bool  # of a file that came twice: whether the first is the one that counts
    specification: str | None = None  # the version that it says it follows


@dataclass(frozen=True)
class ReminderFacts:
    """A school of which a term's return is missing; `rejected_file`: the last that it sent, which could not be used."""

    term: Term
    urn: str
    laestab: str | None
    school: str | None
    rejected_file: str | None


def folder(laestab: str | None, urn: str, term: str) -> str:
    """The school's folder of the outbox, for a term."""
    return f"{safe_name(laestab or urn)}/{safe_name(term)}"


def kind_of_answer(state: str, issues: pl.DataFrame) -> str:
    """What a letter about a file is: its state, and of the return that counts whether it has errors or queries."""
    if state != "current":
        return state
    # what is explained waits for us, not for the school
    severities = set(issues.filter(pl.col("standing").is_in(TO_DO))["severity"])
    if "error" in severities:
        return "accepted_with_errors"
    return "queried" if "query" in severities else "accepted"


def content_of_answer(facts: ReturnFacts, kind: str, issues: pl.DataFrame, settled: pl.DataFrame | None = None) -> str:
    """A hash of what a letter means: the file, its state, its issues, where they stand and what it settled.

    Neither wording nor the time of the run is in it. What has no explanation and settles nothing adds nothing.
    """
    answered = issues.filter(~pl.col("standing").is_in(["new", "open"]))
    answers = answered.select(pl.concat_str("fact_id", "standing", pl.col("why").fill_null(""), separator="\x1f"))
    corrected = [] if settled is None else settled["fact_id"].to_list()
    told = issues.select(
        pl.concat_str(
            [pl.col(column).cast(pl.String).fill_null("") for column in ISSUE_MEANING], separator="\x1f"
        ).sort()
    ).to_series()
    more = sorted([*answers.to_series().drop_nulls(), *corrected])
    return _hash([facts.return_id, kind, *told, *more])


ISSUE_MEANING = ("rule_code", "severity", "table_name", "row_number", "field", "costs", "upn")


def letter_id(urn: str, term: str, kind: str, content_hash: str) -> str:
    """By which a letter is known in the ledger and, as its Message-ID, to mail servers."""
    return _hash([urn, term, kind, content_hash])[:32]


def write_answer(
    settings: Settings,
    contract: Contract,
    facts: ReturnFacts,
    kind: str,
    issues: pl.DataFrame,
    to: list[Contact],
    workbook_name: str | None,
    on: date,
    settled: pl.DataFrame | None = None,
) -> Letter:
    """The letter about one file; `issues`, and what it `settled` of an earlier one's, in order of importance
    (findings.in_order).
    """
    findings = without_pupils(issues, contract)
    if settled is not None and facts.state == "current":
        findings += without_pupils(settled, contract)
    to_do = issues.filter(pl.col("standing").is_in(TO_DO))
    errors, queries = (to_do.filter(pl.col("severity") == severity).height for severity in ("error", "query"))
    standing = {name: issues.filter(pl.col("standing") == name).height for name in ("refused", "waiting", "accepted")}
    corrected = sum(finding.count for finding in findings if finding.standing == "corrected")
    cells = issues.filter(pl.col("costs") == "cell").height
    if facts.state == "rejected" and not facts.rows_received:
        workbook_name = None  # it says no more than the letter
    newer = facts.current_file if facts.current_is_newer else None
    said = {
        "school": plain(facts.school),
        "term_label": facts.term.label,
        "file_name": struck_out(plain(facts.file_name)),
        "received_on": uk_date(facts.received_at),
        "errors": counted(errors, "error"),
        "queries": counted(queries, "query", "queries"),
        "query_count": queries,
        "refused": standing["refused"] and counted(standing["refused"], "explanation"),
        "refused_count": standing["refused"],
        "waiting": standing["waiting"] and counted(standing["waiting"], "query", "queries"),
        "explained": standing["accepted"] and counted(standing["accepted"], "query", "queries"),
        "corrected": corrected and counted(corrected, "point"),
        "corrected_count": corrected,
        "all_counted": _all_counted(facts.rows_received),
        "nothing_lost": not facts.rows_not_counted and not cells,
        "some_depend": facts.rows_not_counted > _rows_at_fault(issues),
        "not_counted": _not_counted(facts.rows_not_counted, facts.rows_received, cells),
        "replaced_file": facts.replaced_file and struck_out(plain(facts.replaced_file)),
        "current_file": facts.current_file and struck_out(plain(facts.current_file)),
        "current_on": facts.current_received_at and uk_date(facts.current_received_at),
        "newer_file": newer and struck_out(plain(newer)),
        "repeats_current": facts.repeats_current,
        "next_file": _next_file(facts),
        "next_file_xlsx": _next_file(replace(facts, format="xlsx")),
        "workbook_name": workbook_name,
        "deadline": uk_date(facts.term.deadline),
        "deadline_past": on > facts.term.deadline,
    }
    by_when = _by_when(facts.term, on) if kind != "accepted" and not newer else None
    content_hash = content_of_answer(facts, kind, issues, settled)
    tiles = []
    if facts.state == "current" and kind != "accepted":
        counted_rows = facts.rows_received - facts.rows_not_counted
        tiles = [
            (f"{errors:,}", f"{'error' if errors == 1 else 'errors'} to correct"),
            (f"{queries:,}", f"{'query' if queries == 1 else 'queries'} to check"),
            (
                f"{counted_rows:,}",
                f"of {facts.rows_received:,} {'row' if facts.rows_received == 1 else 'rows'} counted",
            ),
        ]
    return _letter(
        settings,
        kind=kind,
        urn=facts.urn,
        laestab=facts.laestab,
        term=facts.term.term,
        return_id=facts.return_id,
        content_hash=content_hash,
        said=said,
        findings=[] if kind == "duplicate" else findings,
        tiles=tiles,
        by_when=by_when,
        to=to,
        on=on,
    )


def write_reminder(settings: Settings, facts: ReminderFacts, kind: str, to: list[Contact], on: date) -> Letter:
    """The reminder to one school."""
    said = {
        "school": plain(facts.school or "your school"),
        "term_label": facts.term.label,
        "deadline": uk_date(facts.term.deadline),
        "as_at": uk_date(facts.term.as_at_date),
        "days_left": (facts.term.deadline - on).days,
        "rejected_file": facts.rejected_file and struck_out(plain(facts.rejected_file)),
        "next_file": f"{facts.laestab or facts.urn}_{facts.term.academic_year}_{facts.term.name}_01.xlsx",
        "workbook_name": None,
    }
    return _letter(
        settings,
        kind=kind,
        urn=facts.urn,
        laestab=facts.laestab,
        term=facts.term.term,
        content_hash=_hash([facts.term.deadline.isoformat()]),
        said=said,
        to=to,
        on=on,
    )


def write_list_of_missing(settings: Settings, term: Term, missing: list[ReminderFacts], on: date) -> Letter:
    """To the LA, once a term: the schools without a return that stands, now that the deadline has passed."""
    la_name = plain(settings.la_name)
    said = {
        "school": la_name,
        "term_label": term.label,
        "deadline": uk_date(term.deadline),
        "schools": counted(len(missing), "school"),
        "missing": [
            {
                "name": plain(facts.school or "A school without a name"),
                "urn": facts.urn,
                "rejected_file": facts.rejected_file and struck_out(plain(facts.rejected_file)),
            }
            for facts in missing
        ],
        "workbook_name": None,
    }
    return _letter(
        settings,
        kind=LIST_OF_MISSING,
        urn=None,
        laestab=AUTHORITY,
        term=term.term,
        content_hash=_hash([term.deadline.isoformat()]),
        said=said,
        to=the_authority(settings),
        on=on,
    )


def write_profile_letter(settings: Settings, profile: "Profile", to: list[Contact], on: date) -> Letter:
    """That a school's profile of a term is there; once a term, however often the profile is made again."""
    school = plain(profile.school)
    said = {
        "school": school,
        "term_label": profile.term.label,
        "as_at": uk_date(profile.term.as_at_date),
        "page_name": PurePosixPath(profile.path("governors.pdf")).name,
        "profile_name": PurePosixPath(profile.path("profile.xlsx")).name,
        "workbook_name": None,
    }
    return _letter(
        settings,
        kind=PROFILE,
        urn=profile.urn,
        laestab=profile.laestab,
        term=profile.term.term,
        content_hash=_hash([profile.term.term]),
        said=said,
        to=to,
        on=on,
    )


def _letter(
    settings: Settings,
    *,
    kind: str,
    urn: str | None,
    laestab: str | None,
    term: str,
    content_hash: str,
    said: dict,
    to: list[Contact],
    on: date,
    return_id: str | None = None,
    findings: Sequence[Finding] = (),
    tiles: Sequence[tuple[str, str]] = (),
    by_when: str | None = None,
) -> Letter:
    """Fill the templates: the wording of the kind once, then its layout as text and as HTML.

    A letter that is about no file has no return, findings, tiles or day by which to answer.
    """
    wording = _wordings().get_template("reminder.j2" if kind == "second_reminder" else f"{kind}.j2")
    context = wording.new_context(said)
    parts = {name: "".join(block(context)) for name, block in wording.blocks.items()}
    subject = f"{' '.join(parts['subject'].split())} – {said['school']}, {said['term_label']}"
    page = said | {
        "subject": subject,
        "la_name": plain(settings.la_name),
        "la_email": settings.la_email,
        "status": " ".join(parts["status"].split()),
        "meaning": " ".join(parts["meaning"].split()),
        "mood": MOODS.get(kind, "wait"),
        "opening": _paragraphs(parts["opening"]),
        "steps": _paragraphs(parts["steps"]),
        "closing": _paragraphs(parts["closing"]),
        "by_when": by_when,
        "tiles": tiles,
        "lists": _lists(findings),
        "privacy": PRIVACY,
        "no_pupils": NO_PUPILS,
        "to_a_school": urn is not None,
    }
    known_as = letter_id(urn or AUTHORITY, term, kind, content_hash)
    message = compose(
        settings,
        letter_id=known_as,
        subject=subject,
        text=_pages().get_template("letter.txt.j2").render(page).strip() + "\n",
        html=_pages().get_template("letter.html.j2").render(page).strip() + "\n",
        to=to,
        on=on,
    )
    return Letter(
        letter_id=known_as,
        urn=urn,
        term=term,
        kind=kind,
        content_hash=content_hash,
        return_id=return_id,
        subject=subject,
        path=f"{folder(laestab, urn, term)}/{kind}_{known_as[:8]}.eml",
        message_id=message_id(settings, known_as),
        message=message,
        addresses=frozenset(contact.email for contact in to),
    )


def _lists(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """What is to be done, errors before queries and new before old, then what is not the school's turn; each under its
    heading. A heading with nothing below it is left out.
    """
    headings = {
        ("error", ("new",)): "Errors: please correct",
        ("error", ("open",)): "Errors from before, still to be corrected",
        ("query", ("new",)): "Queries: counted meanwhile; please correct or explain",
        ("query", ("open",)): "Queries from before, still to be corrected or explained",
        ("query", ("refused",)): "Queries that you explained and we must ask again",
        ("query", ("waiting",)): "Queries that you explained: we are reading what you say",
        (None, ("accepted", "corrected")): "Settled: nothing more to do",
    }
    lists = [
        (heading, [f for f in findings if severity in (None, f.severity) and f.standing in standings])
        for (severity, standings), heading in headings.items()
    ]
    return [(heading, those) for heading, those in lists if those]


def _not_counted(rows: int, rows_received: int, cells: int) -> str:
    """As the start of a sentence that goes on with `not counted until corrected`."""
    parts = []
    if rows:
        parts.append(f"{rows:,} of its {counted(rows_received, 'row')}")
    if cells:
        parts.append(counted(cells, "single entry", "single entries"))
    return f"{' and '.join(parts)} {'is' if rows + cells == 1 else 'are'}"


def _all_counted(rows: int) -> str:
    return f"All of its {rows:,} rows are counted." if rows > 1 else "All of it is counted."


def _rows_at_fault(issues: pl.DataFrame) -> int:
    """Rows that are not counted for something wrong in themselves."""
    at_fault = issues.filter((pl.col("costs") == "row") & pl.col("row_number").is_not_null())
    return at_fault.select("table_name", "row_number").n_unique()


def _by_when(term: Term, on: date) -> str:
    if on > term.deadline:
        return f"The deadline was {uk_date(term.deadline)}. Please send your return as soon as you can."
    return f"Please do this by {uk_date(term.deadline)}."


def _next_file(facts: ReturnFacts) -> str | None:
    """The name to send the next file under, where the school's own names follow the pattern."""
    if facts.next_serial is None:
        return None
    suffix = ".zip" if facts.format == "csv_zip" else ".xlsx"
    return f"{facts.laestab}_{facts.term.academic_year}_{facts.term.name}_{facts.next_serial:02d}{suffix}"


def counted(number: int, one: str, more: str | None = None) -> str:
    """`1 row`, `2 rows`, `1,200 rows`."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def uk_date(day: date | datetime) -> str:
    """As people write it: `9 December 2025`."""
    return f"{day.day} {day:%B %Y}"


def _paragraphs(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _hash(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@lru_cache
def _wordings() -> Environment:
    """Templates of what a letter says, as plain text: nothing is escaped here, and everything in `_pages`."""
    return Environment(loader=_loader(), undefined=StrictUndefined, trim_blocks=True)


@lru_cache
def _pages() -> Environment:
    """Templates of how a letter looks; every text that goes into the HTML one is escaped."""
    pages = Environment(
        loader=_loader(),
        undefined=StrictUndefined,
        autoescape=lambda name: bool(name) and name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["wrapped"] = lambda text: _filled(text, "", "")
    pages.filters["bulleted"] = lambda text: _filled(text, "* ", "  ")
    pages.filters["indented"] = lambda text: _filled(text, "  ", "  ")
    pages.filters["numbered"] = lambda text, number: _filled(text, f"{number}. ", "   ")
    return pages


def _loader() -> FileSystemLoader:
    return FileSystemLoader(Path(__file__).parent / "templates")


def _filled(text: str, first: str, others: str) -> str:
    return textwrap.fill(
        text,
        TEXT_WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
