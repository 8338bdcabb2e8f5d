"""The synthetic LA's schools: of every kind, and different from each other on purpose, so that there is something to find."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from pipelines.terms import Term

NEIGHBOURS = {
    "800": "Bath and North East Somerset",
    "801": "Bristol, City of",
    "802": "North Somerset",
    "803": "South Gloucestershire",
    "916": "Gloucestershire",
}
# invented, with one that is not ASCII
PLACES = (Path(__file__).parent / "places.txt").read_text(encoding="utf-8").splitlines()
KIND_NAMES = {
    "nursery": "Nursery School",
    "primary": "Primary School",
    "secondary": "School",
    "special": "Special School",
    "post16": "College",
}
# kind -> first establishment number, statutory ages, pupils with SEN a school (about 60 over the whole LA)
FIRST_NUMBER = {"nursery": 1001, "primary": 2001, "secondary": 4001, "special": 7001, "post16": 8001}
PUPILS_WITH_SEN = {"nursery": 8.0, "primary": 45.0, "secondary": 120.0, "special": 100.0, "post16": 40.0}
AVERAGE_PUPILS_WITH_SEN = 60.0


@dataclass(frozen=True)
class Traits:
    """How a school works: each a chance, but `reviews` (false: it holds none at all)."""

    quality: float
    reviews: bool = True
    refers: float = 0.6
    admits_late: float = 0.15
    refuses: float = 0.05

    def chance(self, at_worst: float, at_best: float) -> float:
        """A chance between two, by the school's quality."""
        return at_worst + (at_best - at_worst) * self.quality


@dataclass
class School:
    """One school, in GIAS's terms; `size` multiplies the usual number of pupils with SEN."""

    urn: str
    la_code: str
    number: str
    name: str
    kind: str
    type_code: str
    type: str
    group_code: str
    group: str
    phase_code: str
    phase: str
    low_age: int
    high_age: int
    size: float = 1.0
    trust: tuple[str, str] | None = None
    federation: tuple[str, str] | None = None
    status: tuple[str, str] = ("1", "Open")
    closed_on: str = ""
    traits: Traits = field(default_factory=lambda: Traits(0.7))
    silent_in: frozenset[str] = frozenset()
    gives_uln_alone: bool = False
    # the school that it was until it became an academy, under another URN and the same LAESTAB
    predecessor: "School | None" = None
    converted_on: date | None = None

    def urn_on(self, day: date) -> str:
        """The URN that the school had on a day."""
        if self.predecessor and self.converted_on and day < self.converted_on:
            return self.predecessor.urn
        return self.urn

    @property
    def laestab(self) -> str:
        """The seven digits."""
        return self.la_code + self.number

    @property
    def lowest_group(self) -> int:
        """The lowest national curriculum year, Reception 0, Nursery 2 and 1 below it."""
        return max(self.low_age - 4, -2)

    @property
    def highest_group(self) -> int:
        """The highest national curriculum year."""
        return -1 if self.kind == "nursery" else min(self.high_age - 5, 14)

    def teaches(self, group: int) -> bool:
        """Whether the year group is one of the school's."""
        return self.lowest_group <= group <= self.highest_group


def kinds_of(count: int) -> list[str]:
    """So many kinds of school, in the proportions of an LA; the first few are one of each."""
    if count < 6:
        return ["primary", "secondary", "special", "post16", "nursery"][:count]
    others = {
        "nursery": max(1, round(count * 0.035)),
        "special": max(1, round(count * 0.065)),
        "post16": max(1, round(count * 0.05)),
        "secondary": max(1, round(count * 0.15)),
    }
    kinds = ["primary"] * (count - sum(others.values()))
    return kinds + [kind for kind in ("secondary", "special", "post16", "nursery") for _ in range(others[kind])]


def make_schools(la_code: str, count: int, terms: list[Term], rng: Random) -> list[School]:
    """The LA's open schools, in the order of their LAESTABs within a kind."""
    places = list(PLACES)
    rng.shuffle(places)
    made: dict[str, int] = {}
    schools = []
    for position, kind in enumerate(kinds_of(count)):
        nth = made[kind] = made.get(kind, -1) + 1
        place = places[position % len(places)]
        # the list of places is shorter than a large LA: then points of the compass make the names different
        compass = ["", "North ", "South ", "East ", "West ", "Upper ", "Lower "][position // len(places) % 7]
        name = f"{compass}{place} {KIND_NAMES[kind]}"
        schools.append(_school(la_code, f"{FIRST_NUMBER[kind] + nth}", str(900101 + position), name, kind, nth, rng))
    _join_trusts(schools, rng)
    _join_federations(schools)
    _give_characters(schools, terms, rng)
    _convert_one(schools, terms)
    return schools


def _convert_one(schools: list[School], terms: list[Term]) -> None:
    """A school becomes an academy between two of the terms, where an academic year begins if it can be."""
    academy = next(
        (s for s in schools if s.kind in ("primary", "secondary") and s.group == "Academies" and not s.silent_in), None
    )
    if academy is None or len(terms) < 2:
        return
    begins = next((term for term in terms[1:] if term.name == "autumn"), terms[len(terms) // 2])
    academy.converted_on = begins.starts_on.replace(day=1)
    academy.predecessor = replace(
        academy,
        urn=str(int(academy.urn) - 50_000),
        type_code="1",
        type="Community school",
        group_code="4",
        group="Local authority maintained schools",
        trust=None,
        status=("2", "Closed"),
        closed_on=f"{academy.converted_on - timedelta(days=1):%d-%m-%Y}",
    )


def _school(la_code: str, number: str, urn: str, name: str, kind: str, nth: int, rng: Random) -> School:
    size = min(1.7, max(0.5, rng.gauss(1.0, 0.25)))
    types = {
        "nursery": [("15", "Local authority nursery school", "4", "Local authority maintained schools")],
        "special": [
            ("7", "Community special school", "5", "Special schools"),
            ("12", "Foundation special school", "5", "Special schools"),
        ],
        "post16": [
            ("18", "Further education", "1", "Colleges"),
            ("45", "Academy 16-19 converter", "10", "Academies"),
        ],
        "primary": [
            ("1", "Community school", "4", "Local authority maintained schools"),
            ("34", "Academy converter", "10", "Academies"),
            ("2", "Voluntary aided school", "4", "Local authority maintained schools"),
            ("1", "Community school", "4", "Local authority maintained schools"),
            ("28", "Academy sponsor led", "10", "Academies"),
            ("3", "Voluntary controlled school", "4", "Local authority maintained schools"),
        ],
        "secondary": [
            ("34", "Academy converter", "10", "Academies"),
            ("1", "Community school", "4", "Local authority maintained schools"),
            ("28", "Academy sponsor led", "10", "Academies"),
            ("35", "Free schools", "11", "Free Schools"),
        ],
    }[kind]
    phases = {
        "nursery": ("1", "Nursery", 2, 5),
        "primary": ("2", "Primary", 4, 11),
        "secondary": ("4", "Secondary", 11, 18 if nth % 2 == 0 else 16),
        "special": ("0", "Not applicable", 4, 19) if nth % 2 == 0 else ("0", "Not applicable", 11, 19),
        "post16": ("6", "16 plus", 16, 19),
    }[kind]
    return School(
        urn, la_code, number, name, kind, *types[nth % len(types)], *phases, size, gives_uln_alone=kind == "post16"
    )


def _join_trusts(schools: list[School], rng: Random) -> None:
    trusts = [
        ("5801", "Harbour Learning Trust"),
        ("5802", "The Kingfisher Multi Academy Trust"),
        ("5803", "Three Rivers Education Trust"),
        ("5804", "Oak and Elm Schools"),
    ]
    for school in schools:
        if school.group in ("Academies", "Free Schools"):
            school.trust = rng.choice(trusts)


def _join_federations(schools: list[School]) -> None:
    maintained = [s for s in schools if s.kind in ("primary", "nursery") and s.group_code == "4"]
    for number, pair in enumerate(zip(maintained[::8], maintained[1::8], strict=False), start=1):
        for school in pair:
            school.federation = (f"{6800 + number}", f"The {pair[0].name.split()[0]} Federation")


def _give_characters(schools: list[School], terms: list[Term], rng: Random) -> None:
    for school in schools:
        school.traits = Traits(
            min(0.88, max(0.45, rng.gauss(0.68, 0.12))), refers=min(0.9, max(0.3, rng.gauss(0.6, 0.15)))
        )
    mainstream = [s for s in schools if s.kind in ("primary", "secondary")]
    rng.shuffle(mainstream)
    few = max(1, len(schools) // 15)
    taken = iter(mainstream)

    def give(count: int, **traits: float | bool) -> None:
        for school, _ in zip(taken, range(count), strict=False):
            school.traits = Traits(**traits)

    # with a handful of schools only the first of these find one
    give(1, quality=0.55, reviews=False)
    give(few, quality=0.96, refers=0.95, admits_late=0.03, refuses=0.01)
    give(few, quality=0.12, refers=0.2, admits_late=0.4, refuses=0.15)
    give(1, quality=0.6, refers=0.05)
    named = [s for s in schools if s.kind == "special"] or [s for s in schools if s.kind == "secondary"]
    if named:
        named[-1].traits = Traits(0.6, admits_late=0.3, refuses=0.6)
    if len(terms) > 1:
        silent = [s for s in mainstream if s.kind == "primary"]
        if len(silent) > 3:
            silent[-1].silent_in = frozenset(term.term for term in terms[-2:])
        if len(silent) > 5:
            silent[-2].silent_in = frozenset(term.term for term in terms[1::2])


def make_other_schools(la_code: str, urns_from: int) -> dict[str, list[School]]:
    """Schools that the GIAS file holds besides: `closed` ones of this LA, `elsewhere` in another, and an `independent`."""
    other_la = next(code for code in NEIGHBOURS if code != la_code and code != "801")
    community = ("1", "Community school", "4", "Local authority maintained schools")
    primary = ("2", "Primary", 4, 11)
    closed = [
        School(
            str(urns_from + n),
            la_code,
            f"{2901 + n}",
            name,
            "primary",
            *community,
            *primary,
            status=("2", "Closed"),
            closed_on=closed_on,
        )
        for n, (name, closed_on) in enumerate(
            [("Bellfounder Primary School", "31-08-2022"), ("Old Tannery Primary School", "31-08-2023")]
        )
    ]
    elsewhere = [
        School(
            str(urns_from + 10 + n), other_la, f"{2101 + n}", f"{name} Primary School", "primary", *community, *primary
        )
        for n, name in enumerate(["Quayside", "Ropewalk", "Signal Hill"])
    ]
    independent = School(
        str(urns_from + 20),
        la_code,
        "6001",
        "Meridian House School",
        "secondary",
        *("11", "Other independent school", "3", "Independent schools"),
        *("0", "Not applicable", 11, 18),
    )
    return {"closed": closed, "elsewhere": elsewhere, "independent": [independent]}
