"""Which school and which term a file is for: what it says inside counts, else its name."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from pipelines.terms import TERM_NAMES

# 8012001_2025-26_autumn_01.xlsx; digits are 0-9, so no \d
NAME = re.compile(
    r"([0-9]{7})_([0-9]{4}-[0-9]{2})_(autumn|spring|summer)_([0-9]{1,6})\.(?:xlsx|zip)", re.IGNORECASE | re.ASCII
)
ACADEMIC_YEAR = re.compile(r"[0-9]{4}-[0-9]{2}")
CLOSED = "2"  # GIAS's EstablishmentStatus (code)
MAX_TEXT = 60  # what a file says of itself is kept this far


@dataclass(frozen=True)
class Facts:
    """What a file says about itself, inside and in its name; each None where it does not say."""

    inside_laestab: str | None = None
    inside_urn: str | None = None
    inside_term: str | None = None
    specification: str | None = None
    name_laestab: str | None = None
    name_term: str | None = None
    serial: int | None = None


@dataclass(frozen=True)
class School:
    """What placing needs of a school."""

    urn: str
    laestab: str
    la_code: str
    status_code: str | None = None


@dataclass(frozen=True)
class Place:
    """A school of this LA and a term of the calendar."""

    urn: str
    laestab: str
    term: str

    @property
    def academic_year(self) -> str:
        """As in `2025-26`."""
        return self.term[:7]


def facts_of(file_name: str, return_row: Mapping[str, str | None]) -> Facts:
    """The facts of a file's name and of the one row of its `return` table ({} where that can't be read).

    The term's two parts come from inside each where it is there, else from the name. Specification `1` is `1.0`.
    """
    name = NAME.fullmatch(file_name)
    name_laestab, name_year, name_term, serial = name.groups() if name else (None, None, None, None)
    inside = {field: _text(return_row.get(field)) for field in ("laestab", "urn", "academic_year", "term")}
    year = inside["academic_year"] if ACADEMIC_YEAR.fullmatch(inside["academic_year"] or "") else None
    term = (inside["term"] or "").lower()
    term = term if term in TERM_NAMES else None
    inside_term = f"{year or name_year}-{term or name_term.lower()}" if _says_term(year, term, name) else None
    return Facts(
        inside_laestab=_laestab(inside["laestab"]),
        inside_urn=inside["urn"],
        inside_term=inside_term,
        specification=_specification(_text(return_row.get("specification"))),
        name_laestab=name_laestab,
        name_term=f"{name_year}-{name_term.lower()}" if name else None,
        serial=int(serial) if serial else None,
    )


def place(facts: Facts, schools: Collection[School], terms: Collection[str], la_code: str) -> Place | None:
    """The file's school and term, or None where either can't be found or the school is another LA's.

    schools: GIAS's, as many as carry one of the facts' numbers; terms: keys of the calendar.
    A closed school is a place: that it is closed is for checking to say.
    """
    school = _school(facts, schools)
    term = facts.inside_term or facts.name_term
    if school is None or school.la_code != la_code or term not in terms:
        return None
    return Place(urn=school.urn, laestab=school.laestab, term=term)


def schools_named(connection: duckdb.DuckDBPyConnection, facts: Collection[Facts]) -> list[School]:
    """GIAS's schools that carry a URN or LAESTAB of the facts, from `reference.schools`."""
    urns = sorted({fact.inside_urn for fact in facts if fact.inside_urn})
    laestabs = sorted({number for fact in facts for number in (fact.inside_laestab, fact.name_laestab) if number})
    rows = connection.execute(
        """
        SELECT urn, laestab, la_code, status_code FROM reference.schools
        WHERE urn IN (SELECT unnest(?::VARCHAR[])) OR laestab IN (SELECT unnest(?::VARCHAR[]))
        ORDER BY urn
        """,
        [urns, laestabs],
    ).fetchall()
    return [School(*row) for row in rows]


def _school(facts: Facts, schools: Collection[School]) -> School | None:
    laestab = facts.inside_laestab or facts.name_laestab
    candidates = [school for school in schools if school.laestab == laestab]
    if facts.inside_urn:
        return next((school for school in candidates if school.urn == facts.inside_urn), None)
    if laestab != facts.name_laestab:  # a LAESTAB without its URN counts only where the name says the same
        return None
    # an academy often keeps the LAESTAB of the school that it was: the one that is not closed, else the newer
    return max(candidates, key=lambda school: (school.status_code != CLOSED, school.urn), default=None)


def _says_term(year: str | None, term: str | None, name: re.Match | None) -> bool:
    """Whether the inside says any of the term, and the name what is left."""
    return bool(year and term) or bool((year or term) and name)


def _text(value: str | None) -> str | None:
    """Outer spaces go; control characters do too, for this is shown to people."""
    shown = "".join(character for character in value or "" if character.isprintable()).strip()
    return shown[:MAX_TEXT] or None


def _laestab(text: str | None) -> str | None:
    """As seven digits where it is written 801/2001 or 801-2001; anything else as it is."""
    digits = re.sub(r"[\s/-]", "", text or "")
    return digits if re.fullmatch(r"[0-9]{7}", digits) else text


def _specification(text: str | None) -> str | None:
    return f"{text}.0" if text and re.fullmatch(r"[0-9]+", text) else text
