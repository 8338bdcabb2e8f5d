"""A school's return of a term, cut from what happened up to the as-at date: the academic year so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from expectations.contracts import load_contract
from pipelines.demo.days import SchoolDays
from pipelines.demo.lives import Consultation, Naming, Pupil, Referral, Review, Stay, World
from pipelines.demo.schools import School
from pipelines.terms import Term

FIELDS: dict[str, tuple[str, ...]] = {name: tuple(t.fields) for name, t in load_contract("1.0").tables.items()}
YEAR_GROUPS = {-4: "E1", -3: "E2", -2: "N1", -1: "N2", 0: "R"}
Row = list


@dataclass
class Sheet:
    """One table of a return as it will be written: header, rows (None: a blank row), what stands above the header."""

    table: str
    columns: list[str]
    rows: list[Row | None]
    title: str | None = None
    above: list[Row] = field(default_factory=list)
    hidden: bool = False

    def cell(self, row: Row, name: str) -> object:
        """A row's cell by its field."""
        return row[self.columns.index(name)]

    def put(self, row: Row, name: str, value: object) -> None:
        """Set a row's cell by its field, in every column of that name."""
        for position, column in enumerate(self.columns):
            if column == name:
                row[position] = value

    def written(self) -> list[Row]:
        """The rows that are not blank."""
        return [row for row in self.rows if row is not None]

    def row_number(self, row: Row) -> int:
        """The row that a person sees, the header being the first."""
        return next(n for n, other in enumerate(self.rows) if other is row) + 2 + len(self.above)


@dataclass
class SchoolReturn:
    """One return: its sheets in order, and the school and term that it is of."""

    school: School
    term: Term
    sheets: list[Sheet]
    serial: int = 1
    name: str | None = None

    def sheet(self, table: str) -> Sheet:
        """The (first) sheet of a table."""
        return next(sheet for sheet in self.sheets if sheet.table == table)

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.name or f"{self.school.laestab}_{self.term.academic_year}_{self.term.name}_{self.serial:02d}"


@dataclass(frozen=True)
class Year:
    """The academic year so far, up to a term's as-at date A: it begins after the last summer's as-at date."""

    began: date
    as_at: date

    @classmethod
    def so_far(cls, term: Term, days: SchoolDays) -> "Year":
        """The year of a term."""
        summers = [t.as_at_date for t in days.terms if t.name == "summer" and t.academic_year < term.academic_year]
        began = max(summers) + timedelta(days=1) if summers else date(int(term.academic_year[:4]), 7, 10)
        return cls(began, term.as_at_date)

    def holds(self, day: date | None) -> bool:
        """Whether the day is in the year so far."""
        return day is not None and self.began <= day <= self.as_at

    def known(self, day: date | None) -> date | None:
        """The day where it has come by the as-at date."""
        return day if day is not None and day <= self.as_at else None

    def open_or_in(self, since: date, until: date | None) -> bool:
        """Whether something that ran from one day to another is the year's, or is carried in because it was still open."""
        return since <= self.as_at and (since >= self.began or until is None or until >= self.began)


def year_group(group: int) -> str:
    """The code of a national curriculum year."""
    return YEAR_GROUPS.get(group, str(group))


def gives_uln_alone(pupil: Pupil, school: School) -> bool:
    """Whether the school knows the pupil by ULN alone; of a pupil with an EHC plan, whom the LA knows by it too."""
    if not school.gives_uln_alone or pupil.number % 3:
        return False
    return pupil.plan_from is None or all(stay.school.gives_uln_alone for stay in pupil.stays)


def identity(pupil: Pupil, school: School, day: date) -> tuple[str | None, str | None, str | None]:
    """UPN, ULN and former UPN as the school gives them on a day."""
    if gives_uln_alone(pupil, school):
        return None, pupil.uln, None
    uln = pupil.uln if pupil.group(day) >= 10 and pupil.number % 4 else None
    if pupil.temporary_upn and pupil.upn_given_on:
        if pupil.upn_given_on > day:
            return pupil.temporary_upn, uln, None
        return pupil.upn, uln, pupil.temporary_upn
    return pupil.upn, uln, None


def identifier(pupil: Pupil, school: School, day: date) -> str:
    """What child tables carry in their column `upn`."""
    upn, uln, _ = identity(pupil, school, day)
    return upn or uln or ""


def is_listed(stay: Stay, year: Year) -> bool:
    """Whether the pupil was on the school's register at any time of the year so far."""
    pupil = stay.pupil
    start = max(stay.entry, pupil.sen_start)
    if start > year.as_at or (stay.leaving is not None and (stay.leaving < year.began or stay.leaving < start)):
        return False
    return pupil.off_on is None or (pupil.off_on >= year.began and pupil.off_on >= start)


def cut_return(
    world: World,
    school: School,
    stays: Iterable[Stay],
    namings: Iterable[Naming],
    consultations: Iterable[Consultation],
    term: Term,
    arrangements: Row | None,
    rng: Random,
) -> SchoolReturn:
    """The return of a school and term, clean; every row's cells are in the contract's order of fields."""
    year = Year.so_far(term, world.days)
    listed = [stay for stay in stays if is_listed(stay, year)]
    listed.sort(key=lambda stay: (stay.pupil.cohort, identifier(stay.pupil, school, year.as_at)))
    rows: dict[str, list[Row | None]] = {name: [] for name in FIELDS}
    told = [naming for naming in namings if _is_told(naming, listed, year)]
    placed = {naming.pupil.number for naming in told}
    for stay in listed:
        rows["pupils"].append(_pupil(stay, year, is_placed=stay.pupil.number in placed))
        _add_support(rows, stay, year, world.days)
    _vary(rows)
    rows["placements"] = [_placement(naming, year, school) for naming in told]
    for consultation in consultations:
        if year.holds(consultation.consulted):
            rows["consultations"].append([consultation.upn, consultation.consulted, year.known(consultation.responded)])
    if arrangements is not None:
        rows["arrangements"].append(arrangements)
    nil = "N" if rows["pupils"] else "Y"
    role = rng.choice(("HEADTEACHER", "SENCO", "SENCO", "ADMINISTRATOR"))
    name = term.name.upper()
    rows["return"].append(
        [school.laestab, school.urn_on(year.as_at), term.academic_year, name, year.as_at, "1.0", role, nil]
    )
    return SchoolReturn(school, term, [Sheet(table, list(FIELDS[table]), rows[table]) for table in FIELDS])


def _pupil(stay: Stay, year: Year, *, is_placed: bool) -> Row:
    pupil, school, as_at = stay.pupil, stay.school, year.as_at
    seen_on = min(stay.leaving, as_at) if stay.leaving else as_at
    upn, uln, former = identity(pupil, school, as_at)
    group = pupil.group(seen_on)
    provision = "N" if pupil.off_on and pupil.off_on <= as_at else "E" if pupil.has_plan(seen_on) else "K"
    second = next((s for s in pupil.stays if s.enrolment == "S"), None)
    enrolment = "C" if stay.enrolment == "M" and (second is None or second.entry > as_at) else stay.enrolment
    # some schools know in July who leaves, and say so
    foreseen = stay.leaving and stay.leaving <= as_at + timedelta(days=30) and int(school.urn) % 2 == 0
    leaving = stay.leaving if foreseen else year.known(stay.leaving)
    transition = year.known(stay.transition)
    reviewed = max((day for day in pupil.annual_reviews if day <= seen_on), default=None)
    if provision == "E" and reviewed is None and not is_placed:
        reviewed = stay.entry  # a plan that came with the pupil is reviewed on the move
    following = next((s.school.urn_on(s.entry) for s in pupil.stays if s.entry > (stay.leaving or date.max)), None)
    return [
        upn,
        uln,
        former,
        year_group(group),
        pupil.sex,
        enrolment,
        provision,
        pupil.sen_start,
        pupil.primary_need,
        pupil.secondary_need if pupil.need_known_from and pupil.need_known_from <= as_at else None,
        "Y" if pupil.below_peers_from else "N",
        year.known(pupil.informed),
        year.known(pupil.young_person_informed) if group >= 12 else None,
        stay.entry,
        leaving,
        reviewed,
        transition,
        following if transition else None,
        max((day for day in stay.liaisons if day <= as_at), default=None),
    ]


def _add_support(rows: dict[str, list], stay: Stay, year: Year, days: SchoolDays) -> None:
    """The pupil's plans, reviews and referrals of the year so far, and those carried in."""
    key = identifier(stay.pupil, stay.school, year.as_at)
    reviews = [r for r in stay.reviews if year.holds(r.held) or _copy_is_pending(r, year, days)]
    reviewed = {review.planned for review in reviews}
    for plan in stay.plans:
        if plan.planned <= year.as_at and (year.open_or_in(plan.planned, plan.ended) or plan.planned in reviewed):
            rows["plans"].append(
                [
                    key,
                    plan.planned,
                    plan.assessed,
                    plan.due,
                    year.known(plan.ended),
                    plan.complete,
                    plan.measurable,
                    plan.trained,
                    plan.teacher,
                    plan.parents,
                    plan.pupil,
                ]
            )
    asked = [r.held - timedelta(days=364) for r in reviews if r.next_step == "INVOLVE_SPECIALIST"]
    for r in reviews:
        rows["reviews"].append(
            [
                key,
                r.planned,
                r.held,
                r.led_by,
                r.parents,
                r.pupil,
                r.evening,
                year.known(r.copied),
                r.progress,
                r.delivered,
                r.next_step,
            ]
        )
    for referral in stay.referrals:
        needed = referral.referred <= year.as_at and any(referral.referred >= since for since in asked)
        if needed or year.open_or_in(referral.referred, referral.ended):
            rows["specialists"].append(_specialist(key, referral, year))


def _copy_is_pending(review: Review, year: Year, days: SchoolDays) -> bool:
    """A review of last year whose copy was neither given nor overdue at last summer's as-at date."""
    last = year.began - timedelta(days=1)
    if review.held > last or review.held < last - timedelta(days=30):
        return False
    return (review.copied is None or review.copied > last) and days.after(review.held, 10) > last


def _specialist(key: str, referral: Referral, year: Year) -> Row:
    contact, ended = year.known(referral.contact), year.known(referral.ended)
    if referral.declined and ended:
        status = referral.declined
    elif ended:
        status = "CLOSED"
    else:
        status = "ACTIVE" if contact else "REFERRED"
    return [key, referral.service, referral.referred, contact, year.known(referral.advice), ended, status]


def _is_told(naming: Naming, listed: list[Stay], year: Year) -> bool:
    """Whether the return lists the naming: of this year, not yet answered by an admission, or not yet reviewed."""
    if naming.named > year.as_at or not naming.in_return:
        return False
    if naming.named >= year.began:
        return True
    if naming.ceased and naming.ceased < year.began:
        return False
    if not naming.on_roll and (naming.admitted is None or naming.admitted >= year.began):
        return True
    here = next((stay for stay in listed if stay.pupil is naming.pupil), None)
    if here is None:
        return False
    seen_on = min(here.leaving, year.as_at) if here.leaving else year.as_at
    return not any(day <= seen_on for day in naming.pupil.annual_reviews)


def _placement(naming: Naming, year: Year, school: School) -> Row:
    admitted = year.known(naming.admitted)
    return [
        identifier(naming.pupil, school, year.as_at),
        naming.named,
        naming.expected,
        admitted,
        naming.reason if admitted is None else None,
    ]


def _vary(rows: dict[str, list]) -> None:
    """Not every plan of a return says yes to everything, and not every review was the teacher's with the parents."""
    if len(rows["pupils"]) <= 10:
        return
    yes = slice(FIELDS["plans"].index("complete"), FIELDS["plans"].index("parents_agreed") + 1)
    if all(set(plan[yes]) == {"Y"} for plan in rows["plans"]):
        for plan in rows["plans"][::7]:
            plan[yes.start + 1] = "N"
    led, parents = FIELDS["reviews"].index("led_by"), FIELDS["reviews"].index("parents_part")
    if rows["reviews"] and all((r[led], r[parents]) == ("TEACHER", "TOOK_PART") for r in rows["reviews"]):
        rows["reviews"][0][led] = "SENCO"


def make_arrangements(school: School, terms: list[Term], days: SchoolDays, rng: Random) -> dict[str, Row]:
    """Term -> the school's arrangements: in every autumn, and in spring or summer where something changed."""
    senco = _Senco.new(school, terms[0].as_at_date, rng)
    healthcare = rng.randrange(0, 25)
    found = {}
    for term in terms:
        changed = rng.random() < 0.12
        if rng.random() < 0.05:
            senco, changed = _Senco.new(school, days.before(term.as_at_date, rng.randrange(5, 60)), rng), True
        if senco.award == "WORKING_TOWARDS" and rng.random() < 0.12:
            senco.award, changed = "NPQSENCO", True
        if term.name == "autumn" or changed:
            found[term.term] = _arrangements(school, senco, healthcare, term, days, rng)
    return found


@dataclass
class _Senco:
    in_post: bool
    teacher: bool
    award: str
    since: date | None
    leadership: str

    @classmethod
    def new(cls, school: School, day: date, rng: Random) -> "_Senco":
        quality = school.traits.quality
        if rng.random() > 0.86 + 0.13 * quality:
            return cls(False, False, "NONE", None, "NONE")
        award = rng.choices(
            ("NASENCO", "NPQSENCO", "WORKING_TOWARDS", "EXEMPT", "NONE"), (50, 12, 22, 8, 14 * (1.2 - quality))
        )[0]
        back = {"EXEMPT": (6000, 9000), "WORKING_TOWARDS": (30, 1500), "NPQSENCO": (300, 1400)}.get(award, (200, 4000))
        leadership = rng.choices(("MEMBER", "DIRECT_LINK", "NONE"), (40 + 20 * quality, 30, 40 * (1 - quality)))[0]
        since = day - timedelta(days=rng.randrange(*back))
        return cls(True, rng.random() < 0.97, award, since, leadership)


def _arrangements(school: School, senco: _Senco, healthcare: int, term: Term, days: SchoolDays, rng: Random) -> Row:
    traits, as_at = school.traits, term.as_at_date

    def within(years: float, chance: float | None = None) -> date | None:
        """A date inside so many years back, or an older one, or none."""
        luck = rng.random()
        good = chance if chance is not None else traits.chance(0.6, 0.98)
        if luck < good:
            return days.on_or_after(as_at - timedelta(days=rng.randrange(10, int(years * 330))))
        return (
            as_at - timedelta(days=int(years * 365) + rng.randrange(20, 500))
            if luck < good + (1 - good) * 0.6
            else None
        )

    def yes(chance: float) -> str:
        return "Y" if rng.random() < chance else "N"

    host = "".join(c for c in school.name.lower() if c.isalnum())
    site = f"https://www.{host}.example"
    published = rng.random() < traits.chance(0.8, 0.995)
    needing = max(0, healthcare + rng.randrange(-2, 3))
    mainstream = school.kind in ("primary", "secondary", "nursery")
    return [
        "Y" if senco.in_post else "N",
        "Y" if senco.teacher else "N",
        senco.award,
        senco.since,
        senco.leadership,
        within(1) if senco.in_post else None,
        yes(traits.chance(0.8, 0.99)),
        rng.choices(("MEMBER", "SUB_COMMITTEE", "NONE"), (75, 15, 20 * (1 - traits.quality)))[0],
        within(1),
        within(1),
        f"{site}/send/information-report" if published else None,
        within(1) if published else None,
        f"{site}/admissions/disabled-pupils" if rng.random() < traits.chance(0.6, 0.97) else None,
        within(3),
        within(4),
        within(1),
        needing,
        needing if rng.random() < traits.quality else rng.randrange(0, needing + 1),
        within(1),
        within(1, traits.chance(0.4, 0.95)),
        yes(0.9) if school.kind == "post16" else None,
        rng.randrange(20, 400) * 500 if mainstream and rng.random() < 0.8 else None,
    ]
