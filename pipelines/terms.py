"""Academic years, terms, school days and deadlines, from the calendar; the partitions come from here."""

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from pipelines.settings import SEEDS_DIR, Settings

TERM_NAMES = ("autumn", "spring", "summer")


@dataclass(frozen=True)
class Term:
    """One term of the calendar; all dates are the LA's own, never computed."""

    term: str  # 2025-26-autumn
    starts_on: date
    half_term_starts_on: date
    half_term_ends_on: date
    ends_on: date
    census_day: date
    as_at_date: date
    window_opens_on: date
    deadline: date
    reminder_on: date
    second_reminder_on: date
    closed_days: frozenset[date]

    @property
    def academic_year(self) -> str:
        """As in `2025-26`."""
        return self.term[:7]

    @property
    def name(self) -> str:
        """One of `autumn`, `spring`, `summer`."""
        return self.term[8:]

    @property
    def label(self) -> str:
        """As people write it: `Autumn 2025-26`."""
        return f"{self.name.capitalize()} {self.academic_year}"

    def school_days(self) -> list[date]:
        """Weekdays in term, less half term and closed days."""
        days = (self.starts_on + timedelta(days=n) for n in range((self.ends_on - self.starts_on).days + 1))
        return [
            day
            for day in days
            if day.weekday() < 5
            and not self.half_term_starts_on <= day <= self.half_term_ends_on
            and day not in self.closed_days
        ]


def academic_year_of(day: date) -> str:
    """As in `2025-26`: a year begins with September."""
    first = day.year if day.month >= 9 else day.year - 1
    return f"{first}-{(first + 1) % 100:02}"


def years_later(academic_year: str, years: int) -> str:
    """`2026-27` is one after `2025-26`; years may be negative."""
    return academic_year_of(date(int(academic_year[:4]) + years, 9, 1))


def calendar_path(settings: Settings) -> Path:
    """The LA's own `reference/calendar.csv` where it is there, else the seed."""
    own = settings.reference_dir / "calendar.csv"
    return own if own.is_file() else SEEDS_DIR / "calendar.csv"


def load_calendar(settings: Settings) -> dict[str, Term]:
    """Every term by its key, in order of time. Raises ValueError with file and line where the calendar can't be read."""
    path = calendar_path(settings)
    return _read_calendar(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_calendar(path: Path, _changed: int) -> dict[str, Term]:
    terms = []
    with path.open(newline="", encoding="utf-8-sig") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            try:
                closed = frozenset(date.fromisoformat(day) for day in row.pop("closed_days").split(";") if day.strip())
                dates = {name: date.fromisoformat(value) for name, value in row.items() if name != "term"}
                term = Term(term=row["term"], closed_days=closed, **dates)
            except KeyError as error:
                raise ValueError(f"{path.name}, line {number}: there is no column {error}") from error
            except (TypeError, ValueError, AttributeError) as error:
                raise ValueError(f"{path.name}, line {number}: {error}") from error
            if term.name not in TERM_NAMES or not term.starts_on < term.as_at_date < term.ends_on:
                raise ValueError(f"{path.name}, line {number}: {term.term} is no term, or its dates are out of order")
            terms.append(term)
    return {term.term: term for term in sorted(terms, key=lambda term: term.starts_on)}
