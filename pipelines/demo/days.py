"""The calendar as the generator needs it: school days to count on, and the as-at dates."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from pipelines.terms import Term


@dataclass(frozen=True)
class SchoolDays:
    """Every school day of the calendar, in order; before its first and after its last a weekday stands for one."""

    days: tuple[date, ...]
    terms: tuple[Term, ...]

    @classmethod
    def of(cls, calendar: dict[str, Term]) -> "SchoolDays":
        """The school days of all the calendar's terms."""
        terms = tuple(calendar.values())
        return cls(tuple(day for term in terms for day in term.school_days()), terms)

    def on_or_after(self, day: date) -> date:
        """The day itself where it is a school day, else the next one."""
        if not self.days[0] <= day <= self.days[-1]:
            return day + timedelta(days=(7 - day.weekday()) % 7 if day.weekday() > 4 else 0)
        return self.days[bisect_left(self.days, day)]

    def after(self, day: date, count: int = 1) -> date:
        """The `count`-th school day after the day; day 1 is the next school day."""
        if not self.days[0] <= day <= self.days[-1]:
            return self.on_or_after(day + timedelta(days=count * 7 // 5))
        return self.days[min(bisect_right(self.days, day) + count - 1, len(self.days) - 1)]

    def before(self, day: date, count: int = 1) -> date:
        """The `count`-th school day before the day."""
        position = bisect_left(self.days, day) - count
        return self.days[position] if position >= 0 else day - timedelta(days=count * 7 // 5)

    def any_in(self, rng: Random, first: date, last: date) -> date:
        """A school day drawn from a span; its first day where it holds none."""
        low, high = bisect_left(self.days, first), bisect_right(self.days, last)
        return self.days[rng.randrange(low, high)] if low < high else first

    def next_as_at(self, day: date) -> date:
        """The first as-at date on or after the day (far away after the calendar's last)."""
        return next((term.as_at_date for term in self.terms if term.as_at_date >= day), date.max)

    def term_of_year(self, year: int, name: str) -> Term | None:
        """The term of the academic year that begins in `year`, where the calendar has it."""
        return next((t for t in self.terms if t.name == name and t.academic_year[:4] == str(year)), None)

    def first_day(self, year: int) -> date:
        """The first school day of the academic year that begins in `year`."""
        autumn = self.term_of_year(year, "autumn")
        return self.on_or_after(autumn.starts_on if autumn else date(year, 9, 3))

    def last_day(self, year: int) -> date:
        """The last school day of the academic year that begins in `year`."""
        summer = self.term_of_year(year, "summer")
        return summer.ends_on if summer else date(year + 1, 7, 21)


def academic_year_of(day: date) -> int:
    """The calendar year in which the day's academic year begins."""
    return day.year if day.month >= 9 else day.year - 1
