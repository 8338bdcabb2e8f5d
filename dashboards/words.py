"""How pages say things: labels of codes, numbers, dates, ratings."""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from html import escape

from pipelines.settings import SEEDS_DIR

DASH = "–"
MINUS = "−"


@dataclass(frozen=True)
class Rating:
    """A rating said by shape, word and colour, so that none of them is needed alone."""

    shape: str
    word: str
    means: str
    colour: str


RATINGS = {
    "red": Rating("■", "Red", "misses the target by more than chance", "#b3261e"),
    "amber": Rating("▲", "Amber", "misses the target, but within chance", "#8a5300"),
    "green": Rating("●", "Green", "meets the target", "#1a6e35"),
    "grey": Rating("○", "Grey", "too few to judge", "#55606b"),
    None: Rating(DASH, "Not rated", "shown without a target", "#55606b"),
}

STATUSES = {
    "missing": Rating("■", "Missing", "no return for the term", "#b3261e"),
    "rejected": Rating("◆", "Rejected", "a return that could not be used", "#8f2f6b"),
    "accepted_with_errors": Rating("▲", "Accepted with errors", "some rows or cells are not counted", "#8a5300"),
    "queried": Rating("?", "Queried", "queries without an explanation", "#0b5fa5"),
    "accepted": Rating("●", "Accepted", "nothing outstanding", "#1a6e35"),
}

TRIGGERS = {
    "spell": "Sustained limited progress",
    "below_peers": "Substantially below peers",
    "progress_not_known": "Progress not known",
}

CASE_STANDINGS = {
    "no_referral": "No referral",
    "waiting": "Waiting for a first contact",
    "declined_by_service": "Declined by the service",
    "declined_by_parents": "Declined by parents",
    "seen": "Seen by a specialist",
}

ADMISSION_STANDINGS = {
    "due_and_not_admitted": "Due and not admitted",
    "admitted_late": "Admitted late",
    "named_by_la_absent_from_return": "Named by the LA, absent from the return",
    "not_known": "Not known",
    "in_return_not_in_la_data": "In the return, not in the LA's data",
    "not_yet_due": "Not yet due",
    "left_out": "Left out (reason given)",
    "admitted_on_time": "Admitted on time",
    "already_on_roll": "Already on roll",
}

# reasons that no school gave
REASONS = {"NO_RETURN": "No return", "NOT_READABLE": "Not readable", "PLAN_CEASED": "Plan ceased"}

# why a published figure changed
RESTATED_BECAUSE = {
    "resubmission": "The school sent its return again",
    "late_return": "The school's return came after the deadline",
    "returns": "Another return that it rests on changed",
    "la_files": "The LA's own files changed",
    "retention": "Returns that it rests on are past their retention",
    "definitions": "The rules or definitions changed",
}

FACT_SOURCES = {
    "la": "the LA",
    "school": "the return",
    "phase_transfer": "phase transfer",
    "school_days": "15 school days",
    "admitted_date": "admission date",
    "entry_date": "entry to the roll",
}

# where GIAS's own name of a phase says little
PHASES = {"Not applicable": "Special and other", "16 plus": "Post-16"}

GROUP_TYPES = {
    "all": "All pupils",
    "provision": "Provision",
    "need": "Primary need",
    "sex": "Sex",
    "phase": "Age phase",
    "looked_after": "Looked after",
    "top_up": "Top-up funding",
}
AGE_PHASES = {"early_years": "Early years"} | {f"KS{n}": f"Key stage {n}" for n in range(1, 6)}
YES_NO = {"Y": "yes", "N": "no"}


@lru_cache(maxsize=1)
def code_labels() -> dict[str, dict[str, str]]:
    """Code list -> code -> label, from the seed that the whole project shares."""
    lists: dict[str, dict[str, str]] = {}
    with (SEEDS_DIR / "code_lists.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            lists.setdefault(row["code_list"], {})[row["code"]] = row["label"]
    return lists


def label(code_list: str, code: str | None) -> str:
    """A code as people say it; a code that is not in the list as itself."""
    return code_labels().get(code_list, {}).get(code or "", code or "Not known")


def reason_label(code: str | None) -> str:
    """Why a pupil was not admitted."""
    return REASONS.get(code or "") or label("not_admitted_reason", code)


def phase_label(phase: str | None) -> str:
    """A school's phase as people say it; GIAS gives special schools none."""
    return PHASES.get(phase or "", phase or "Not known")


def group_label(group_type: str, group_value: str) -> str:
    """As in `Provision: SEN support`."""
    if group_type == "all":
        return GROUP_TYPES["all"]
    lists = {"provision": "sen_provision", "need": "need", "sex": "sex"}
    if group_type in lists:
        value = label(lists[group_type], group_value)
    else:
        value = AGE_PHASES.get(group_value, YES_NO.get(group_value, group_value))
    return f"{GROUP_TYPES.get(group_type, group_type)}: {value}"


def term_label(term: str) -> str:
    """`2025-26-autumn` as `Autumn 2025-26`."""
    return f"{term[8:].capitalize()} {term[:7]}"


def cases_no_longer_kept(term: str) -> str:
    """What a page says in place of the cases of a term that is closed (see pipelines/retention)."""
    return (
        f"The cases of {term_label(term)} are no longer kept: what its figures rest on is past its retention. "
        "The figures themselves stand as they were published."
    )


def day(when: date | None) -> str:
    """`5 Dec 2025`; written out because the day without a zero has no code that works on every system."""
    return f"{when.day} {when:%b %Y}" if when else DASH


def percent(value: float | None) -> str:
    """A fraction as `66.4%`."""
    return DASH if value is None else f"{value:.1%}"


def amount(value: float | None, unit: str) -> str:
    """A value in the unit of its indicator: rate, count, days or gbp."""
    if value is None:
        return DASH
    # pounds spent for each pound of a budget are a few, and their pence count
    pounds = f"£{value:,.2f}" if abs(value) < 10 else f"£{value:,.0f}"
    return {"rate": f"{value:.1%}", "days": f"{value:,.0f} days", "gbp": pounds}.get(unit, f"{value:,.0f}")


def count_of(number: int, one: str, many: str | None = None) -> str:
    """`1 school`, `2 schools`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def points(change: float) -> str:
    """A change of a rate as `+4.2 points`."""
    sign = "+" if change > 0 else MINUS if change < 0 else "±"
    return f"{sign}{abs(change) * 100:.1f} points"


def short_key(pupil_key: str) -> str:
    """Enough of a pseudonym to tell pupils of one list apart."""
    return pupil_key[:8]


def html(text: object) -> str:
    """Text from outside (a school's name) made safe for markup."""
    return escape(str(text), quote=True)
