"""Pupils' lives, simulated once over the whole period: where they are, what they need, and what is done about it.

Shares of needs and sexes follow DfE's "Special educational needs in England" roughly: 63 % of pupils on SEN support
and 72 % of those with an EHC plan are boys; speech, SEMH and autism lead.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from pipelines.demo.days import SchoolDays, academic_year_of
from pipelines.demo.identifiers import IdentifierOffice
from pipelines.demo.schools import AVERAGE_PUPILS_WITH_SEN, NEIGHBOURS, PUPILS_WITH_SEN, School

SUPPORT_NEEDS = {
    "young": "SLCN 44 SEMH 17 MLD 9 ASD 12 SPLD 5 NSA 5 OTH 3 PD 2 HI 1.6 VI 0.9 SLD 0.4 DS 0.3 MSI 0.3",
    "old": "SEMH 27 SPLD 22 MLD 17 SLCN 12 ASD 11 OTH 4 NSA 3 PD 2 HI 1.6 VI 1 SLD 0.2 MSI 0.2",
}
PLAN_NEEDS = {
    "mainstream": "ASD 36 SLCN 24 SEMH 18 MLD 6 SPLD 4 PD 5 HI 2.5 VI 1.5 OTH 2 DS 2 SLD 1.5 MSI 0.3",
    "special": "ASD 43 SLD 18 SEMH 13 SLCN 9 MLD 7 PMLD 7 PD 2 DS 2 MSI 0.4 HI 0.6 VI 0.4",
}
GIRLS_TILT = {"ASD": 0.7, "SEMH": 1.05, "MLD": 1.25, "SPLD": 1.2, "NSA": 1.1, "PD": 1.2, "HI": 1.3}
SECOND_NEEDS = ("SLCN", "SEMH", "MLD", "SPLD", "ASD", "OTH", "PD")
SERVICES = {
    "SLCN": ("SPEECH_AND_LANGUAGE", "EDUCATIONAL_PSYCHOLOGY", "SPECIALIST_TEACHING"),
    "SEMH": ("CAMHS", "BEHAVIOUR_SUPPORT", "EDUCATIONAL_PSYCHOLOGY"),
    "ASD": ("AUTISM_OUTREACH", "EDUCATIONAL_PSYCHOLOGY", "SPEECH_AND_LANGUAGE", "OCCUPATIONAL_THERAPY"),
    "PD": ("PHYSIOTHERAPY", "OCCUPATIONAL_THERAPY"),
    "HI": ("SENSORY_SUPPORT",),
    "VI": ("SENSORY_SUPPORT",),
    "MSI": ("SENSORY_SUPPORT",),
    "PMLD": ("PHYSIOTHERAPY", "SPEECH_AND_LANGUAGE", "OCCUPATIONAL_THERAPY"),
}
ANY_SERVICE = ("EDUCATIONAL_PSYCHOLOGY", "SPECIALIST_TEACHING", "SPEECH_AND_LANGUAGE", "OTHER")
# days that a service keeps a referral waiting, shortest and longest
WAITS = {"CAMHS": (70, 260), "SPEECH_AND_LANGUAGE": (35, 170), "EDUCATIONAL_PSYCHOLOGY": (25, 110)}
USUAL_WAIT = (10, 70)
# when a primary pupil's need is first met with support: share by year group from Reception
FIRST_SUPPORTED = (0.40, 0.20, 0.15, 0.10, 0.07, 0.05, 0.03)


@dataclass(slots=True)
class Plan:
    """A SEN support plan."""

    planned: date
    assessed: date
    due: date
    ended: date | None
    complete: str
    measurable: str
    trained: str
    teacher: str
    parents: str
    pupil: str | None


@dataclass(slots=True)
class Review:
    """A review held."""

    planned: date
    held: date
    led_by: str
    parents: str
    pupil: str | None
    evening: str | None
    copied: date | None
    progress: str
    delivered: str
    next_step: str


@dataclass(slots=True)
class Referral:
    """A specialist's involvement; `declined` is who declined it, from `ended` on."""

    service: str
    referred: date
    contact: date | None
    advice: date | None
    ended: date | None
    declined: str | None


@dataclass(slots=True)
class Stay:
    """A pupil's time at one school."""

    pupil: "Pupil"
    school: School
    entry: date
    leaving: date | None = None
    enrolment: str = "C"
    plans: list[Plan] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    referrals: list[Referral] = field(default_factory=list)
    transition: date | None = None
    liaisons: list[date] = field(default_factory=list)


@dataclass(slots=True)
class Naming:
    """An EHC plan that names a school: what the school knows, and what the LA's extract says."""

    pupil: "Pupil"
    school: School
    named: date
    transfer: bool
    expected: date | None
    admitted: date | None
    reason: str | None
    on_roll: bool
    in_return: bool = True
    in_la_file: bool = True
    la_named: date | None = None
    ceased: date | None = None


@dataclass(slots=True)
class Consultation:
    """The LA's consultation of a school; it may concern a pupil who never comes."""

    upn: str
    school: School
    consulted: date
    responded: date | None


@dataclass(slots=True, eq=False)
class Pupil:
    """A pupil who has SEN at some time of the period. `cohort`: the year in which the pupil's Reception began."""

    number: int
    upn: str
    uln: str | None
    temporary_upn: str | None
    upn_given_on: date | None
    cohort: int
    sex: str
    primary_need: str
    secondary_need: str | None
    need_known_from: date | None
    sen_start: date
    plan_from: date | None
    informed: date | None
    young_person_informed: date | None
    below_peers_from: date | None
    looked_after: bool
    top_up: bool
    hardness: float
    off_on: date | None = None
    stays: list[Stay] = field(default_factory=list)
    namings: list[Naming] = field(default_factory=list)
    annual_reviews: list[date] = field(default_factory=list)

    def group(self, day: date) -> int:
        """The national curriculum year on a day (Reception 0)."""
        return academic_year_of(day) - self.cohort

    def has_plan(self, day: date) -> bool:
        """Whether there is an EHC plan on a day."""
        return self.plan_from is not None and self.plan_from <= day


@dataclass
class World:
    """Everything that happened in the LA: schools, pupils, consultations; `begins` to `ends` is simulated.

    census_slips: (term, URN) of the school censuses in which a few entries are wrong -> the UPN of a pupil whom nobody
    but the census knows. sen2_slips: numbers of the pupils whose primary need is another one in SEN2.
    """

    schools: list[School]
    days: SchoolDays
    la_code: str
    begins: date
    ends: date
    office: IdentifierOffice = field(default_factory=IdentifierOffice)
    pupils: list[Pupil] = field(default_factory=list)
    consultations: list[Consultation] = field(default_factory=list)
    census_slips: dict[tuple[str, str], str] = field(default_factory=dict)
    sen2_slips: set[int] = field(default_factory=set)

    def stays_by_school(self) -> dict[str, list[Stay]]:
        """URN -> stays, in the pupils' order."""
        found: dict[str, list[Stay]] = {school.urn: [] for school in self.schools}
        for pupil in self.pupils:
            for stay in pupil.stays:
                found[stay.school.urn].append(stay)
        return found

    def namings_by_school(self) -> dict[str, list[Naming]]:
        """URN -> namings, in the pupils' order."""
        found: dict[str, list[Naming]] = {school.urn: [] for school in self.schools}
        for pupil in self.pupils:
            for naming in pupil.namings:
                found[naming.school.urn].append(naming)
        return found


def live(
    schools: list[School],
    days: SchoolDays,
    la_code: str,
    years: list[int],
    rng: Random,
    pupils_per_school: float | None,
    agreeing: bool = False,
) -> World:
    """The lives of all pupils over the academic years (the calendar years in which they begin); the first only warms up.

    agreeing: the LA and the schools say the same of every EHC plan.
    """
    scale = 1.0 if pupils_per_school is None else pupils_per_school / AVERAGE_PUPILS_WITH_SEN
    world = World(schools, days, la_code, days.first_day(years[0]), days.last_day(years[-1]))
    by_kind: dict[str, list[School]] = {}
    for school in schools:
        by_kind.setdefault(school.kind, []).append(school)
    town = _Town(world, by_kind, scale, years, rng)
    town.settle()
    for year in years:
        if year > years[0]:
            town.take_in(year)
        town.move(year)
        town.leave(year)
    for pupil in world.pupils:
        _tidy_plan(world, pupil)
        _name_every_school(pupil)
        _hold_annual_reviews(world, pupil, rng)
        for stay in pupil.stays:
            live_stay(world, stay, rng)
    _register_twice(world, rng)
    if not agreeing:
        _disagree_with_the_la(world, rng)
    return world


def drawn(rng: Random, weights: str) -> str:
    """One of `SLCN 44 SEMH 17 ...`, by its weight."""
    parts = weights.split()
    return rng.choices(parts[::2], [float(weight) for weight in parts[1::2]])[0]


@dataclass
class _Town:
    """The movement of pupils through the schools, year by year."""

    world: World
    by_kind: dict[str, list[School]]
    scale: float
    years: list[int]
    rng: Random
    current: dict[int, Pupil] = field(default_factory=dict)
    pool: dict[str, list[Pupil]] = field(default_factory=dict)

    def about(self, mean: float) -> int:
        """A whole number near the mean."""
        value = mean * self.rng.uniform(0.75, 1.25)
        return int(value) + (self.rng.random() < value - int(value))

    def a_year_of(self, school: School) -> float:
        """Pupils with SEN (sooner or later) in a year group of the school."""
        groups = {"nursery": 1.6, "primary": 4.5, "secondary": 4.3, "special": 14, "post16": 1.8}[school.kind]
        if school.kind == "special" and school.low_age > 4:
            groups = 8
        return PUPILS_WITH_SEN[school.kind] * self.scale * school.size / groups

    def settle(self) -> None:
        """Everyone who is at a school when the first year begins, and all later children of primary schools."""
        first, last = self.years[0], self.years[-1]
        for school in self.world.schools:
            for group in range(school.lowest_group, min(school.highest_group, 14) + 1):
                if school.kind == "secondary" and group > 11:
                    share = 0.2
                elif school.kind == "post16":
                    share = (0.9, 0.8, 0.3)[group - 12]
                else:
                    share = 1.0
                for _ in range(self.about(self.a_year_of(school) * share)):
                    entered = first if school.kind == "special" and self.rng.random() < 0.2 else None
                    self.new_pupil(school, first - group, entered)
            if school.kind == "primary":
                for cohort in range(first + 1, last + 1):
                    self.new_cohort(school, cohort)

    def new_cohort(self, school: School, cohort: int) -> None:
        """The children of one Reception year who will have SEN there."""
        for _ in range(self.about(self.a_year_of(school))):
            self.new_pupil(school, cohort, cohort)

    def new_pupil(
        self, school: School, cohort: int, entered: int | None = None, plan: bool | None = None
    ) -> Pupil | None:
        """A pupil who comes to the LA's schools here; None where SEN would only begin after the period."""
        rng, days = self.rng, self.world.days
        if entered is None:
            entered = cohort + school.lowest_group
        entry = days.first_day(entered)
        special = school.kind == "special"
        ehc = (
            plan
            if plan is not None
            else special or rng.random() < {"post16": 0.25, "nursery": 0.1}.get(school.kind, 0.19)
        )
        sen_start = self.sen_start(school, cohort, entry, ehc and (special or plan is True))
        if sen_start > self.world.ends:
            return None
        plan_from = None
        if special or plan:
            plan_from = days.on_or_after(
                min(entry - timedelta(days=rng.randrange(40, 400)), sen_start + timedelta(days=900))
            )
            sen_start = min(sen_start, plan_from - timedelta(days=rng.randrange(150, 500)))
        elif ehc:
            plan_from = days.on_or_after(sen_start + timedelta(days=rng.randrange(150, 1500)))
        pupil = self.person(school, cohort, sen_start, plan_from, ehc, special)
        self.world.pupils.append(pupil)
        stay = Stay(pupil, school, entry)
        pupil.stays.append(stay)
        if pupil.plan_from and pupil.plan_from < entry:
            # named before the pupil came: a new naming of the period, or history
            named = max(pupil.plan_from, days.on_or_after(entry - timedelta(days=rng.randrange(60, 200))))
            transfer = entry >= self.world.begins
            pupil.namings.append(
                Naming(pupil, school, min(named, days.before(entry, 5)), transfer, entry, entry, None, False)
            )
        if entered > self.years[0]:
            self.pool.setdefault("to come", []).append(pupil)
        else:
            self.current[pupil.number] = pupil
        return pupil

    def sen_start(self, school: School, cohort: int, entry: date, early: bool) -> date:
        """The day on which SEN provision began."""
        rng, days = self.rng, self.world.days
        if early:
            return days.on_or_after(entry - timedelta(days=rng.randrange(200, 900)))
        if school.kind == "primary":
            group = rng.choices(range(7), FIRST_SUPPORTED)[0]
            year = cohort + group
            if group == 0 and rng.random() < 0.3:
                return entry
            return days.any_in(rng, days.first_day(year) + timedelta(days=10), days.last_day(year) - timedelta(days=12))
        if school.kind == "secondary" and rng.random() < 0.2:
            year = academic_year_of(entry) + rng.choice((0, 0, 1, 2, 3))
            return days.any_in(rng, days.first_day(year) + timedelta(days=10), days.last_day(year) - timedelta(days=12))
        if school.kind == "nursery":
            return days.any_in(rng, entry + timedelta(days=10), entry + timedelta(days=200))
        back = min(2500, max(200, (academic_year_of(entry) - cohort) * 330))
        return days.on_or_after(entry - timedelta(days=rng.randrange(60, back)))

    def person(
        self, school: School, cohort: int, sen_start: date, plan_from: date | None, ehc: bool, special: bool
    ) -> Pupil:
        """Who the pupil is."""
        rng, days = self.rng, self.world.days
        male = rng.random() < (0.72 if ehc else 0.63)
        if ehc:
            weights = PLAN_NEEDS["special" if special else "mainstream"]
        else:
            weights = SUPPORT_NEEDS["young" if school.kind in ("primary", "nursery") else "old"]
        need = drawn(rng, weights)
        while not male and rng.random() > GIRLS_TILT.get(need, 1.0):
            need = drawn(rng, weights)
        second = rng.choice([n for n in SECOND_NEEDS if n != need]) if rng.random() < (0.4 if ehc else 0.2) else None
        where = self.rng.random()
        la_code, number = self.world.la_code, school.number
        if where < 0.1:
            la_code = rng.choice([code for code in NEIGHBOURS if code != la_code])
            number = f"{rng.randrange(2001, 2080)}"
        elif school.kind in ("secondary", "special", "post16") and self.by_kind.get("primary"):
            number = rng.choice(self.by_kind["primary"]).number
        allocated = min(max(cohort, 2004), self.years[-1]) if school.kind != "nursery" else cohort - 2
        upn = self.world.office.upn(la_code, number, allocated)
        temporary = given_on = None
        # the LA knows whoever has an EHC plan by the UPN that stays
        if rng.random() < 0.02 and not ehc:
            temporary = self.world.office.upn(self.world.la_code, school.number, allocated, temporary=True)
            given_on = days.any_in(rng, self.world.begins, self.world.ends)
        informed = self.informed(school, sen_start)
        looked_after = rng.random() < 0.035
        return Pupil(
            number=len(self.world.pupils) + 1,
            upn=upn,
            uln=self.world.office.uln(),
            temporary_upn=temporary,
            upn_given_on=given_on,
            cohort=cohort,
            sex="M" if male else "F",
            primary_need=need,
            secondary_need=second,
            need_known_from=days.on_or_after(sen_start + timedelta(days=rng.randrange(60, 260))) if second else None,
            sen_start=sen_start,
            plan_from=plan_from,
            informed=informed,
            young_person_informed=days.on_or_after(max(informed, days.first_day(cohort + 12)))
            if informed and rng.random() < 0.9
            else None,
            below_peers_from=sen_start if rng.random() < (0.75 if special else 0.3 if ehc else 0.1) else None,
            looked_after=looked_after,
            top_up=ehc or rng.random() < 0.04,
            hardness=rng.betavariate(2, 3),
        )

    def informed(self, school: School, sen_start: date) -> date | None:
        """The day on which parents were told: mostly at once, sometimes late, in some schools never."""
        rng, days, luck = self.rng, self.world.days, self.rng.random()
        good = school.traits.chance(0.7, 0.99)
        if luck < good:
            return (
                days.on_or_after(sen_start - timedelta(days=rng.randrange(0, 12))) if rng.random() < 0.5 else sen_start
            )
        return days.after(sen_start, rng.randrange(25, 90)) if luck < good + (1 - good) * 0.6 else None

    def take_in(self, year: int) -> None:
        """September: those who change phase, and those who come new."""
        pool, self.pool = self.pool, {}
        self.pool["to come"] = pool.get("to come", [])
        for pupil in pool.get("nursery", []):
            self.send_on(pupil, self.by_kind.get("primary", []), year)
        special = self.by_kind.get("special", [])
        leavers = pool.get("primary", [])
        with_plan = [p for p in leavers if p.has_plan(date(year, 2, 1))]
        to_special = {p for p in with_plan if self.rng.random() < 0.3 and special}
        for pupil in with_plan:
            if pupil in to_special:
                self.send_on(pupil, special, year)
        self.fill("secondary", [p for p in leavers if p not in to_special], year, 7)
        self.fill("post16", pool.get("secondary", []), year, 12)
        for school in special:
            entry_groups = (0, 1, 2, 7) if school.low_age == 4 else (7, 8)
            for _ in range(self.about(self.a_year_of(school) * 1.1)):
                self.new_pupil(school, year - self.rng.choice(entry_groups), year, plan=True)
        for school in self.by_kind.get("nursery", []):
            for _ in range(self.about(self.a_year_of(school))):
                self.new_pupil(school, year + 2, year)
        self.settle_arrivals(year)

    def settle_arrivals(self, year: int) -> None:
        """Those of `new_pupil` who have come by now."""
        coming = self.pool.pop("to come", [])
        here = [pupil for pupil in coming if academic_year_of(pupil.stays[0].entry) <= year]
        self.current |= {pupil.number: pupil for pupil in here}
        self.pool["to come"] = [pupil for pupil in coming if academic_year_of(pupil.stays[0].entry) > year]

    def fill(self, kind: str, leavers: list[Pupil], year: int, group: int) -> None:
        """A new year group in every school of the kind: from the LA's own leavers, then from outside."""
        self.rng.shuffle(leavers)
        for school in self.by_kind.get(kind, []):
            # more than a year group: some will come off the register before the year group leaves
            places = self.about(self.a_year_of(school) * (1.1 if kind == "secondary" else 1.4))
            for _ in range(places):
                if leavers:
                    self.send_on(leavers.pop(), [school], year)
                else:
                    self.new_pupil(school, year - group, year)
            if kind == "secondary":
                for _ in range(self.about(self.a_year_of(school) * 0.15)):
                    self.new_pupil(school, year - group, year)

    def send_on(self, pupil: Pupil, schools: list[School], year: int) -> None:
        """A pupil starts at one of the schools in September, where an EHC plan names it and it admits."""
        days, rng = self.world.days, self.rng
        group = year - pupil.cohort
        schools = [s for s in schools if s.teaches(group)]
        if not schools:
            return
        school, entry = rng.choice(schools), days.first_day(year)
        if not pupil.has_plan(entry):
            self.enter(pupil, school, entry)
            return
        on_time = rng.random() < 0.85
        named = (
            days.any_in(rng, date(year, 1, 10), date(year, 2, 14))
            if on_time
            else days.any_in(rng, date(year, 3, 1), date(year, 6, 25))
        )
        if pupil.plan_from >= named:
            # the plan came after the phase transfer's date: the school is named as soon as there is one
            named = min(days.after(pupil.plan_from, 1), days.before(entry, 1))
        if pupil.plan_from > named:
            pupil.plan_from = named
        self.name(pupil, school, named, True, None if rng.random() < 0.7 else entry, entry)

    def name(self, pupil: Pupil, school: School, named: date, transfer: bool, expected: date | None, due: date) -> None:
        """An EHC plan names a school, after the school was consulted; the pupil enters on time, late, or not at all."""
        days, rng, traits = self.world.days, self.rng, school.traits
        consulted = days.before(named, rng.randrange(16, 45))
        luck = rng.random()
        replied = traits.chance(0.5, 0.97)
        responded = (
            days.after(consulted, rng.randrange(2, 10))
            if luck < replied
            else days.after(consulted, rng.randrange(12, 30))
        )
        self.world.consultations.append(
            Consultation(pupil.upn, school, consulted, None if luck > replied + (1 - replied) * 0.6 else responded)
        )
        luck, admitted, reason = rng.random(), due, None
        if luck < traits.refuses:
            admitted = None
            reason = rng.choice(("SCHOOL_FULL", "SCHOOL_FULL", "INCOMPATIBLE_EFFICIENT_EDUCATION", "UNSUITABLE_AGE"))
        elif luck < traits.refuses + 0.02:
            admitted, reason = None, rng.choice(("PARENTS_DECLINED", "PLAN_AMENDED", "AWAITING_TRANSPORT"))
        elif luck < traits.refuses + 0.02 + traits.admits_late:
            admitted = days.after(due, rng.randrange(4, 55))
            reason = rng.choice(("SCHOOL_FULL", "AWAITING_TRANSPORT", "OTHER", None))
        pupil.namings.append(Naming(pupil, school, named, transfer, expected, admitted, reason, False))
        if admitted:
            self.enter(pupil, school, admitted)

    def enter(self, pupil: Pupil, school: School, entry: date) -> None:
        """The pupil is at the school from that day; the stay before ends, at the latest, on the school day before."""
        days, before = self.world.days, pupil.stays[-1]
        if before.leaving is None or before.leaving >= entry:
            # nobody stays beyond the last year group that the school teaches
            before.leaving = min(days.before(entry), days.last_day(pupil.cohort + before.school.highest_group))
        pupil.stays.append(Stay(pupil, school, entry))
        self.current[pupil.number] = pupil

    def move(self, year: int) -> None:
        """What happens to a pupil's place within a year: a move of house, a plan that names another school."""
        days, rng = self.world.days, self.rng
        first, last = days.first_day(year) + timedelta(days=20), days.last_day(year) - timedelta(days=30)
        for pupil in list(self.current.values()):
            stay = pupil.stays[-1]
            luck, day = rng.random(), days.any_in(rng, first, last)
            if stay.entry >= day or stay.leaving or stay.school.kind in ("nursery", "post16"):
                continue
            group = year - pupil.cohort
            if luck < 0.025:
                choice = [s for s in self.by_kind[stay.school.kind] if s is not stay.school and s.teaches(group)]
                if choice:
                    self.move_house(pupil, rng.choice(choice), day)
            elif luck < 0.037:
                stay.leaving = day
                del self.current[pupil.number]
            elif luck < 0.12 and pupil.has_plan(day - timedelta(days=120)) and stay.school.kind != "special":
                choice = [s for s in self.by_kind.get("special", []) if s.teaches(group)]
                if choice:
                    expected = days.after(day, rng.randrange(18, 40)) if rng.random() < 0.5 else None
                    self.name(
                        pupil,
                        rng.choice(choice),
                        day,
                        False,
                        expected,
                        expected or days.after(day, rng.randrange(3, 15)),
                    )

    def move_house(self, pupil: Pupil, school: School, day: date) -> None:
        """The pupil leaves on the day and enters the other school soon after; a plan names it before."""
        days, rng = self.world.days, self.rng
        entry = days.after(day, rng.randrange(1, 8))
        if pupil.has_plan(entry):
            named = max(days.before(entry, rng.randrange(8, 25)), pupil.plan_from)
            pupil.namings.append(Naming(pupil, school, named, False, entry, entry, None, False))
        pupil.stays[-1].leaving = day
        pupil.stays.append(Stay(pupil, school, entry))

    def leave(self, year: int) -> None:
        """July: who has reached the school's last year group leaves, and waits for the next phase."""
        days, rng = self.world.days, self.rng
        for pupil in list(self.current.values()):
            stay, group = pupil.stays[-1], year - pupil.cohort
            school = stay.school
            if stay.entry > days.last_day(year):
                continue
            last = group >= school.highest_group
            if school.kind == "secondary" and group == 11 and school.highest_group > 11:
                last = rng.random() < 0.75
            if school.kind == "post16" and group == 13:
                last = rng.random() < 0.7
            if last:
                del self.current[pupil.number]
                stay.leaving = days.last_day(year)
                self.pool.setdefault(school.kind, []).append(pupil)
                if rng.random() < school.traits.chance(0.4, 0.97):
                    stay.transition = days.any_in(rng, date(year + 1, 1, 20), date(year + 1, 6, 30))
        self.pool.pop("special", None)


def _tidy_plan(world: World, pupil: Pupil) -> None:
    """A plan made while the pupil is at a school names that school; one made between schools waits for the next."""
    if pupil.plan_from is None:
        return
    if pupil.primary_need == "NSA":
        pupil.primary_need = "OTH"
    if any(naming.named <= pupil.plan_from for naming in pupil.namings):
        return
    first = next((s for s in pupil.stays if s.leaving is None or s.leaving >= pupil.plan_from), None)
    if first is None:
        pupil.plan_from = None if not pupil.namings else pupil.plan_from
        return
    if pupil.plan_from <= first.entry:
        pupil.plan_from = world.days.after(first.entry, 12)
    if first.leaving and pupil.plan_from > first.leaving:
        pupil.plan_from = first.leaving
    pupil.namings.insert(0, Naming(pupil, first.school, pupil.plan_from, False, None, None, None, True))


def _name_every_school(pupil: Pupil) -> None:
    """Wherever a pupil with a plan is, the plan names the school; the naming before it ends with the admission."""
    if pupil.plan_from is None:
        return
    for stay in pupil.stays:
        since = max(pupil.plan_from, stay.entry)
        if stay.leaving and stay.leaving < since:
            continue
        if not any(naming.school is stay.school and naming.named <= since for naming in pupil.namings):
            pupil.namings.append(Naming(pupil, stay.school, since, False, None, None, None, True))
    pupil.namings.sort(key=lambda naming: naming.named)
    for number, after in enumerate(pupil.namings):
        if after.admitted or after.on_roll:
            # those that came to nothing in between end as well
            for before in pupil.namings[:number]:
                before.ceased = before.ceased or after.admitted or after.named


def _hold_annual_reviews(world: World, pupil: Pupil, rng: Random) -> None:
    """Annual reviews about a year apart, later in schools that do not keep up."""
    if pupil.plan_from is None:
        return
    quality = pupil.stays[-1].school.traits.quality
    longest = 375 if rng.random() < 0.3 + 0.68 * quality else 520
    held = pupil.plan_from
    if held < world.begins - timedelta(days=400):
        held = world.begins - timedelta(days=rng.randrange(200, 380))
    while (held := world.days.on_or_after(held + timedelta(days=rng.randrange(310, longest)))) <= world.ends:
        pupil.annual_reviews.append(held)


def live_stay(world: World, stay: Stay, rng: Random) -> None:
    """The plans, reviews and referrals of a pupil at one school, from arrival or first support to the end."""
    pupil, days, traits = stay.pupil, world.days, stay.school.traits
    start = max(stay.entry, pupil.sen_start)
    end = min(stay.leaving or world.ends, pupil.off_on or world.ends, world.ends)
    if start > end:
        return
    if start < world.begins - timedelta(days=60):
        planned = world.begins - timedelta(days=rng.randrange(62, 150))
        planned = days.on_or_after(max(planned, start))
    else:
        planned = days.after(start, rng.randrange(1, 15))
    planned = min(planned, days.next_as_at(start) if start > world.begins else planned, end)
    if rng.random() < (0.45 if pupil.has_plan(end) else 0.12):
        refer(world, stay, days.after(planned, rng.randrange(5, 60)), end, rng)
    limited, held_out = 0, _Progress(pupil, traits, rng)
    while planned <= end:
        plan = _plan(days, planned, pupil, traits, rng)
        stay.plans.append(plan)
        held = _review_day(days, plan, traits, rng)
        if held is None or held > end:
            following = days.after(plan.due, rng.randrange(15, 60)) if held is None else None
            if following is None or following > end:
                break
            plan.ended = planned = following
            continue
        review = _review(days, plan, held, pupil, traits, held_out.next(), rng)
        stay.reviews.append(review)
        limited = (
            limited + 1
            if review.progress in ("NONE", "LITTLE")
            else limited
            if review.progress == "NOT_ASSESSED"
            else 0
        )
        _decide(world, stay, review, limited, end, rng)
        if review.next_step == "END_SUPPORT":
            pupil.off_on = plan.ended = held
            return
        planned = held if rng.random() < 0.6 else days.after(held, rng.randrange(1, 8))
        if planned <= plan.planned:
            planned = days.after(plan.planned)
        if planned <= end:
            plan.ended = planned
    if stay.leaving and stay.leaving <= world.ends and stay.plans and stay.plans[-1].ended is None:
        stay.plans[-1].ended = stay.leaving
    if pupil.looked_after:
        for year in range(academic_year_of(world.begins), academic_year_of(world.ends) + 1):
            if rng.random() < traits.chance(0.4, 0.97):
                stay.liaisons.append(days.any_in(rng, days.first_day(year), days.last_day(year)))


def _yes(rng: Random, chance: float) -> str:
    return "Y" if rng.random() < chance else "N"


def _plan(days: SchoolDays, planned: date, pupil: Pupil, traits, rng: Random) -> Plan:
    good = traits.chance(0.6, 0.98)
    assessed = planned - timedelta(days=rng.randrange(0, 50) if rng.random() < good else rng.randrange(61, 150))
    young = pupil.group(planned) < 1
    return Plan(
        planned=planned,
        assessed=assessed,
        due=days.on_or_after(planned + timedelta(days=rng.randrange(60, 105))),
        ended=None,
        complete=_yes(rng, good),
        measurable=_yes(rng, good - 0.03),
        trained=_yes(rng, good),
        teacher=_yes(rng, good + 0.01),
        parents=_yes(rng, good),
        pupil="NA"
        if young and rng.random() < 0.5
        else rng.choices(("Y", "N", None), (good, 0.9 - good + 0.1, 0.04))[0],
    )


def _review_day(days: SchoolDays, plan: Plan, traits, rng: Random) -> date | None:
    """The day on which the plan is reviewed; None where it never is."""
    if not traits.reviews:
        return None
    luck, on_time = rng.random(), traits.chance(0.45, 0.96)
    if luck < on_time:
        day = days.after(days.before(plan.due, 9), rng.randrange(1, 18))
    elif luck < on_time + (1 - on_time) * 0.6:
        day = days.after(plan.due, rng.randrange(11, 45))
    else:
        return None
    return max(day, days.after(plan.planned))


@dataclass
class _Progress:
    """A pupil's progress from review to review: it stalls, and what has stalled mostly stays so."""

    pupil: Pupil
    traits: object
    rng: Random
    stalled: bool | None = None

    def next(self) -> str:
        rng = self.rng
        stall = 0.03 + 0.2 * self.pupil.hardness * (1.3 - self.traits.quality)
        if self.stalled is None:
            self.stalled = rng.random() < stall
        elif self.stalled:
            self.stalled = rng.random() < 0.74
        else:
            self.stalled = rng.random() < stall
        if rng.random() < 0.04:
            return "NOT_ASSESSED"
        if self.stalled:
            return "NONE" if rng.random() < 0.3 else "LITTLE"
        return rng.choices(("EXPECTED", "EXCEEDED", "LITTLE"), (76, 14, 10))[0]


def _review(days: SchoolDays, plan: Plan, held: date, pupil: Pupil, traits, progress: str, rng: Random) -> Review:
    copied = traits.chance(0.55, 0.97)
    luck = rng.random()
    if luck < copied:
        copy = days.after(held, rng.randrange(1, 10)) if rng.random() < 0.7 else held
    else:
        copy = days.after(held, rng.randrange(11, 40)) if luck < copied + (1 - copied) * 0.5 else None
    took = traits.chance(0.6, 0.95)
    young = pupil.group(held) < 1
    return Review(
        planned=plan.planned,
        held=held,
        led_by=rng.choices(("TEACHER", "SENCO", "OTHER"), (traits.chance(0.5, 0.9), 0.25, 0.03))[0],
        parents=rng.choices(("TOOK_PART", "VIEWS_ONLY", "NONE"), (took, (1 - took) * 0.5, (1 - took) * 0.5))[0],
        pupil="NA"
        if young
        else rng.choices(("TOOK_PART", "VIEWS_ONLY", "NONE", None), (took, 0.15, 1 - took, 0.02))[0],
        evening=_yes(rng, 0.5) if rng.random() < 0.95 else None,
        copied=copy,
        progress=progress,
        delivered=rng.choices(
            ("FULLY", "MOSTLY", "PARTLY", "NOT"), (traits.quality, 0.35, 0.75 - traits.quality * 0.7, 0.04)
        )[0],
        next_step="CONTINUE"
        if progress in ("EXPECTED", "EXCEEDED") or rng.random() < traits.chance(0.4, 0.05)
        else "CHANGE_SUPPORT",
    )


def _decide(world: World, stay: Stay, review: Review, limited: int, end: date, rng: Random) -> None:
    """What a review leads to: a specialist where progress stays away, an end where all is well."""
    pupil, traits = stay.pupil, stay.school.traits
    if limited >= 2 and rng.random() < traits.refers:
        open_ones = [r for r in stay.referrals if r.declined is None and (r.ended is None or r.ended > end)]
        if not any(review.held - timedelta(days=300) <= r.referred <= review.held for r in open_ones):
            asked_in_review = rng.random() < 0.8
            limit = min(world.days.next_as_at(review.held), end)
            day = (
                min(world.days.after(review.held, rng.randrange(1, 15)), limit)
                if asked_in_review
                else world.days.after(review.held, rng.randrange(1, 25))
            )
            if day <= end and refer(world, stay, day, end, rng) and asked_in_review:
                review.next_step = "INVOLVE_SPECIALIST"
                return
    if limited >= 4 and not pupil.plan_from and rng.random() < 0.15:
        review.next_step = "REQUEST_EHC_ASSESSMENT"
    last_two = [r.progress for r in stay.reviews[-2:]]
    well = len(last_two) == 2 and all(progress in ("EXPECTED", "EXCEEDED") for progress in last_two)
    if well and not pupil.plan_from and not pupil.namings and review.held > world.begins and rng.random() < 0.05:
        review.next_step, review.progress = "END_SUPPORT", "EXCEEDED"


def refer(world: World, stay: Stay, referred: date, end: date, rng: Random) -> bool:
    """A referral to a service that fits the need, with what came of it; false where the pupil leaves before."""
    if referred > end or referred < stay.entry:
        return False
    taken = {(r.service, r.referred) for r in stay.referrals}
    services = [s for s in SERVICES.get(stay.pupil.primary_need, ANY_SERVICE) if (s, referred) not in taken]
    if not services:
        return False
    service, days, luck = rng.choice(services), world.days, rng.random()
    referral = Referral(service, referred, None, None, None, None)
    if luck < 0.08:
        referral.declined, referral.ended = "DECLINED_BY_SERVICE", days.after(referred, rng.randrange(10, 45))
    elif luck < 0.13:
        referral.declined, referral.ended = "DECLINED_BY_PARENTS", days.after(referred, rng.randrange(5, 30))
    elif luck < 0.87:
        shortest, longest = WAITS.get(service, USUAL_WAIT)
        referral.contact = days.on_or_after(referred + timedelta(days=rng.randrange(shortest, longest)))
        if rng.random() < 0.8:
            referral.advice = (
                days.after(referral.contact, rng.randrange(1, 30)) if rng.random() < 0.8 else referral.contact
            )
        if rng.random() < 0.6:
            referral.ended = days.on_or_after(
                (referral.advice or referral.contact) + timedelta(days=rng.randrange(20, 260))
            )
    stay.referrals.append(referral)
    return True


def _register_twice(world: World, rng: Random) -> None:
    """Dual registration: a few pupils with a plan at a mainstream school spend part of the week at a special school."""
    special = [s for s in world.schools if s.kind == "special"]
    for pupil in world.pupils:
        stay = pupil.stays[-1]
        if not special or stay.school.kind not in ("primary", "secondary") or not pupil.annual_reviews:
            continue
        if rng.random() > 0.06 or stay.leaving or pupil.off_on:
            continue
        start = world.days.after(max(pupil.annual_reviews[0], stay.entry, world.begins), rng.randrange(5, 40))
        group = pupil.group(start)
        schools = [s for s in special if s.teaches(group) and s.teaches(pupil.group(world.ends))]
        if not schools or start > world.ends or any(n.school in schools for n in pupil.namings):
            continue
        stay.enrolment = "M"
        second = Stay(pupil, rng.choice(schools), start, enrolment="S")
        pupil.stays.append(second)
        live_stay(world, second, rng)


def _disagree_with_the_la(world: World, rng: Random) -> None:
    """A few differences between what schools say of namings and what the LA's extract says, to be found."""
    namings = [naming for pupil in world.pupils for naming in pupil.namings]
    for number, naming in enumerate(namings):
        late_entry = rng.random() < 0.02
        naming.la_named = world.days.before(naming.named, rng.randrange(1, 6)) if late_entry else naming.named
        naming.in_la_file = number % 60 != 7
    waiting = [naming for naming in namings if naming.admitted is None and not naming.on_roll]
    for naming in waiting[1::4]:
        # nobody at the school has heard of the plan
        naming.in_return = False
    mainstream = [school for school in world.schools if school.kind in ("primary", "secondary")]
    for number, term in enumerate(world.days.terms):
        for school in mainstream[number % 8 :: 8]:
            stranger = world.office.upn(world.la_code, school.number, int(term.academic_year[:4]) - 5)
            world.census_slips[term.term, school.urn] = stranger
    with_plan = [pupil.number for pupil in world.pupils if pupil.plan_from]
    world.sen2_slips = set(with_plan[5::40])
