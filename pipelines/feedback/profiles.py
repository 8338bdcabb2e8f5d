"""Each school's profile of a term: its figures beside the LA and similar schools, and a page for its governors.

**Similar** are the schools of the same phase, as GIAS has it and the pages show it, this school among them: what the LA's own
phase figures say. It is given where at least MINIMUM_SCHOOLS of them are counted, since among fewer a single other school
could be told.

**Small numbers.** Of the LA and of similar schools a profile shows what `publishing.suppressing` lets out, which nobody can
take apart who knows one school in full. The workbooks are the school's own and show its own counts as they are; the governors'
page leaves the office, and shows of the school too only what `publishing.suppressing` lets out, or in which quarter or half a
share lies: nothing that it hides can be worked out from the pages of all schools side by side.

**When.** Before the deadline most schools are missing and a comparison would mislead: until then the feedback workbook has
the school's own figures alone. From the day after it every school whose return counts has its page and its workbook, made
again when what they say changes, in a later term too; and one letter a term says that they are there. Of a term that was
over before any profile was made (past terms that are loaded) there is none: nobody asks for it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import polars as pl

from pipelines.feedback.contacts import contacts_of_schools, written_to
from pipelines.feedback.governors_page import governors_page, make_pages
from pipelines.feedback.letters import folder, write_profile_letter
from pipelines.feedback.outbox import open_outbox, safe_name
from pipelines.feedback.posting import enter, letters_made
from pipelines.feedback.profile_sheets import profile_workbook
from pipelines.publishing.snapshots import NoSnapshotError, first_exported, open_snapshot
from pipelines.publishing.suppressed_figures import of_all_pupils
from pipelines.settings import Settings
from pipelines.terms import Term, load_calendar
from pipelines.warehouse import transaction

MINIMUM_SCHOOLS = 3
# figures of an area that stand beside a school's: a count of a whole LA says nothing of one school
COMPARED = ("rate", "gbp")


@dataclass(frozen=True)
class Profile:
    """What a school's profile of a term says; `figures`: a dict an indicator, see `_figures`."""

    return_id: str
    urn: str
    laestab: str | None
    school: str
    phase: str | None
    term: Term
    received_at: datetime
    on_time: bool
    figures: list[dict[str, Any]]
    is_compared: bool  # false until the deadline has passed
    la_schools: tuple[int, int]  # counted and missing, of those that owe a return
    similar_schools: tuple[int, int]

    def content(self, settings: Settings) -> str:
        """All that the page and the workbook say, as JSON: they are made again when it changes."""
        return json.dumps([governors_page(settings, self), self.figures], sort_keys=True)

    def path(self, ending: str) -> str:
        """Where one of its files lies in the outbox."""
        name = f"{safe_name(self.laestab or self.urn)}_{self.term.academic_year}_{self.term.name}_{ending}"
        return f"{folder(self.laestab, self.urn, self.term.term)}/{name}"


def read_profiles(
    settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str], on: date
) -> dict[str, Profile]:
    """return_id -> the profile of its school, for the returns that count in the newest snapshot.

    Of these terms: the newest whose deadline has passed, later ones, and earlier ones whose profiles were given before.
    """
    calendar = load_calendar(settings)
    given = {term for (term,) in connection.execute("SELECT DISTINCT term FROM ledger.profiles").fetchall()}
    over = [term.term for term in calendar.values() if term.deadline < on]
    terms = [term for term in terms if term not in over[:-1] or term in given]
    if not terms:
        return {}
    return _read(settings, terms, on)


def _read(settings: Settings, terms: list[str], on: date) -> dict[str, Profile]:
    calendar = load_calendar(settings)
    connection, _ = open_snapshot(settings)
    with connection:
        figures = _figures(connection, settings.suppression_threshold, terms, first_exported(settings))
        of_schools = figures.partition_by("urn", "term", as_dict=True, maintain_order=True)
        counted = {(term, phase): (used, missing) for term, phase, used, missing in _counted(connection, terms)}
        schools = connection.execute(
            """
            SELECT returns.return_id, returns.urn, schools.laestab, schools.name, schools.phase, returns.term,
                returns.received_at, returns.on_time
            FROM marts.returns AS returns INNER JOIN marts.schools AS schools USING (urn)
            WHERE list_contains(?, returns.term) AND returns.status NOT IN ('missing', 'rejected')
            ORDER BY returns.term, returns.urn
            """,
            [terms],
        ).fetchall()
    none = (0, 0)
    profiles = {}
    for return_id, urn, laestab, name, phase, term, received_at, on_time in schools:
        is_compared = on > calendar[term].deadline
        its_figures = of_schools.get((urn, term), figures.clear()).drop("urn", "term").to_dicts()
        for figure in its_figures if not is_compared else ():
            figure |= {key: None for key in figure if key.startswith(("la_", "similar_"))}
        profiles[return_id] = Profile(
            return_id,
            urn,
            laestab,
            name,
            phase,
            calendar[term],
            received_at,
            on_time,
            its_figures,
            is_compared,
            counted.get((term, None), none),
            counted.get((term, phase or ""), none),
        )
    return profiles


def give_profiles(
    settings: Settings, connection: duckdb.DuckDBPyConnection, profiles: list[Profile], on: date
) -> dict[str, int]:
    """Put the page and the workbook of every profile into its school's folder of the outbox, where what they say is new.

    Those of terms whose deadline has not passed wait. Gives the counts: profiles (made), profile_letters.
    """
    due = [profile for profile in profiles if profile.is_compared]
    known = dict(connection.execute("SELECT urn || term, content_hash FROM ledger.profiles").fetchall())
    hashes = {p.return_id: hashlib.sha256(p.content(settings).encode()).hexdigest()[:32] for p in due}
    fresh = [p for p in due if known.get(p.urn + p.term.term) != hashes[p.return_id]]
    outbox = open_outbox(settings)
    for profile, page in zip(fresh, make_pages(settings, fresh), strict=True):
        outbox.put(profile.path("governors.pdf"), page)
        outbox.put(profile.path("profile.xlsx"), profile_workbook(settings, profile))
    contacts = contacts_of_schools(connection)
    letters = [
        write_profile_letter(settings, profile, written_to(contacts.get(profile.urn, []), "profile"), on)
        for profile in due
        if profile.urn + profile.term.term not in known
    ]
    made = letters_made(connection, [letter.letter_id for letter in letters])
    letters = [letter for letter in letters if letter.letter_id not in made]
    for letter in letters:
        outbox.put(letter.path, letter.message)
    # after the files are in the outbox: a run killed before this writes the same files again
    with transaction(connection):
        enter(connection, letters, on)
        _remember(connection, {(p.urn, p.term.term): hashes[p.return_id] for p in fresh}, on)
    return {"profiles": len(fresh), "profile_letters": len(letters)}


def give_profiles_after_deadline(settings: Settings, connection: duckdb.DuckDBPyConnection, on: date) -> dict[str, int]:
    """The profiles of the term whose deadline was the last, where none was given yet: the deadline may pass without a file
    that would make the term's run give them. Gives the counts of `give_profiles`.
    """
    over = [term.term for term in load_calendar(settings).values() if term.deadline < on][-1:]
    if not over or connection.execute("SELECT 1 FROM ledger.profiles WHERE term = ? LIMIT 1", over).fetchone():
        return {"profiles": 0, "profile_letters": 0}
    try:
        profiles = _read(settings, over, on)
    except (NoSnapshotError, duckdb.CatalogException, duckdb.BinderException):
        # nothing published, or by an earlier release: the run that follows publishes, and gives them
        profiles = {}
    return give_profiles(settings, connection, list(profiles.values()), on)


def _remember(connection: duckdb.DuckDBPyConnection, hashes: dict[tuple[str, str], str], on: date) -> None:
    if not hashes:
        return
    made = pl.DataFrame(
        [(urn, term, content) for (urn, term), content in hashes.items()],
        schema=["urn", "term", "content_hash"],
        orient="row",
    ).with_columns(made_at=pl.lit(on))
    connection.register("made_profiles", made.to_arrow())
    connection.execute("INSERT OR REPLACE INTO ledger.profiles BY NAME SELECT * FROM made_profiles")
    connection.unregister("made_profiles")


def _figures(
    connection: duckdb.DuckDBPyConnection, threshold: int, terms: list[str], exported: datetime | None
) -> pl.DataFrame:
    """A row a school, term and indicator, in the indicators' order: what the indicator is, the school's own figure (met,
    of, unknown, value, low, high, rag, target, applies_as; before: the value of the term before), and of the LA and of
    similar schools `..._value`, `..._counted` and `..._missing`, null where they are not to be shown. is_shown: whether the school's
    own figure may leave its office; band_low, band_high: between which shares it lies, where that may be said instead.
    """
    figures = connection.execute(
        """
        WITH numbered AS (SELECT term, lag(term) OVER (ORDER BY starts_on) AS term_before FROM marts.terms)
        SELECT v.urn, v.term, schools.phase, i.position, i.theme, i.id, i.name, i.duty, i.word, i.unit, i.polarity, i.self_reported,
            i.numerator AS met_means, i.denominator AS of_means, i.source,
            v.numerator AS met, v.denominator AS of, v.unknown, v.value, v.lower_95 AS low, v.upper_95 AS high, v.rag, v.target,
            v.applies_as, before.value AS before, before.numerator AS before_met, before.denominator AS before_of
        FROM marts.indicator_values AS v
        INNER JOIN marts.indicators AS i ON i.id = v.indicator_id
        INNER JOIN marts.schools AS schools ON schools.urn = v.urn
        INNER JOIN numbered ON numbered.term = v.term
        LEFT JOIN marts.indicator_values AS before
            ON before.indicator_id = v.indicator_id AND before.urn = v.urn AND before.term = numbered.term_before
            AND before.group_type = 'all'
        WHERE v.group_type = 'all' AND list_contains(?, v.term)
        ORDER BY v.term, v.urn, i.position
        """,
        [terms],
    ).pl()
    of_schools, areas = of_all_pupils(connection, threshold, terms, exported)
    shown = of_schools.select(
        "term", "urn", "band_low", "band_high", id="indicator_id", is_shown=~pl.col("hides_value")
    )
    found = figures.join(shown, on=["term", "urn", "id"], how="left", maintain_order="left").with_columns(
        pl.col("is_shown").fill_null(False)
    )
    areas = areas.filter(
        pl.col("unit").is_in(COMPARED), pl.col("schools_counted") >= MINIMUM_SCHOOLS, pl.col("value").is_not_null()
    )
    for kind, area_type in (("la", "la"), ("similar", "phase")):
        # whole percents: a change that nobody would see makes no profile again
        beside = areas.filter(area_type=area_type).select(
            "term",
            pl.col("indicator_id").alias("id"),
            pl.col("area_code").alias("phase"),
            pl.col("value").round(2).alias(f"{kind}_value"),
            pl.col("schools_counted").alias(f"{kind}_counted"),
            pl.col("schools_missing").alias(f"{kind}_missing"),
        )
        by = ["term", "id"] if kind == "la" else ["term", "id", "phase"]
        found = found.join(beside.drop("phase") if kind == "la" else beside, on=by, how="left", maintain_order="left")
    return found.drop("phase")


def _counted(connection: duckdb.DuckDBPyConnection, terms: list[str]) -> list[tuple]:
    """term, phase (None: the whole LA), schools that owe a return and have one that counts, and that have none."""
    return connection.execute(
        """
        SELECT returns.term, schools.phase AS phase,
            count(*) FILTER (WHERE status NOT IN ('missing', 'rejected')), count(*) FILTER (WHERE status IN ('missing', 'rejected'))
        FROM marts.returns AS returns
        INNER JOIN (SELECT urn, coalesce(phase, '') AS phase FROM marts.schools) AS schools USING (urn)
        WHERE is_due AND list_contains(?, returns.term)
        GROUP BY GROUPING SETS ((returns.term), (returns.term, schools.phase))
        """,
        [terms],
    ).fetchall()
