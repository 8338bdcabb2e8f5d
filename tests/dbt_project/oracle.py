"""The indicators' definitions once more, in plain Python over rows, to hold the models to. Slow, and read from nothing
that the models read: school days are counted from the terms themselves."""

from collections import defaultdict
from datetime import date, timedelta

from pipelines.terms import Term
from tests.dbt_project.random_la import RandomLa

Units = dict[tuple, bool | None]  # (indicator, urn, pupil, unit) -> met, not met, or not known
LIMITED, PROGRESS = {"NONE", "LITTLE"}, {"EXPECTED", "EXCEEDED"}


def months_before(day: date, months: int) -> date:
    """The same day of the month, or the month's last where it has none."""
    month = day.year * 12 + day.month - 1 - months
    for last in range(day.day, 0, -1):
        try:
            return date(month // 12, month % 12 + 1, last)
        except ValueError:
            continue
    raise ValueError(day)


class Oracle:
    """What the units of a term are, by the definitions."""

    def __init__(self, la: RandomLa, calendar: list[Term], term: Term):
        """`calendar`: every term, in order; `term`: the one whose figures are asked."""
        self.la, self.calendar, self.term = la, calendar, term
        self.number = calendar.index(term)
        self.a = term.as_at_date
        self.p = calendar[self.number - 1].as_at_date
        self.year_after = calendar[self.number - 3].as_at_date
        self.school_days = sorted(day for t in calendar for day in t.school_days())
        quarantined = {(q["return_id"], q["table_name"], q["row_number"]) for q in la.quarantined}
        self.current = {r["return_id"]: r for r in la.returns if r["state"] == "current"}
        self.rows: dict[str, dict[str, list[dict]]] = {}
        for table, received in la.tables.items():
            by_return = defaultdict(list)
            for row in received:
                if row["return_id"] in self.current and (row["return_id"], table, row["row_number"]) not in quarantined:
                    by_return[row["return_id"]].append({**row, "pupil": la.pupil_keys[row["upn"]]})
            self.rows[table] = by_return
        self.position = {t.term: n for n, t in enumerate(calendar)}
        self.answered = {r["urn"] for r in self.current.values() if r["term"] == term.term}
        self.listing = self._who_speaks()
        self.pupils = self._speaking("pupils", lambda row: ())
        self.plans = self._speaking("plans", lambda row: (row["planned_date"],))
        self.reviews = self._speaking("reviews", lambda row: (row["review_date"],))
        self.specialists = self._speaking("specialists", lambda row: (row["service"], row["referred_date"]))
        self.consultations = self._consultations()
        self.register = self._register(term)

    def _who_speaks(self) -> dict[tuple, str]:
        """(school, year, pupil) -> the return that speaks for the pupil."""
        listing = {}
        returns = [r for r in self.current.values() if self.position[r["term"]] <= self.number]
        for urn, year in {(r["urn"], r["academic_year"]) for r in returns}:
            of_year = sorted(
                (r for r in returns if (r["urn"], r["academic_year"]) == (urn, year)),
                key=lambda r: -self.position[r["term"]],
            )
            for row in self.rows["pupils"][of_year[0]["return_id"]]:
                listing[urn, year, row["pupil"]] = of_year[0]["return_id"]
            gone = set()
            for older in of_year[1:]:
                for row in self.rows["pupils"][older["return_id"]]:
                    key = (urn, year, row["pupil"])
                    if key in listing or key in gone:
                        continue
                    if row["leaving_date"] and row["leaving_date"] <= self.a:
                        listing[key] = older["return_id"]
                    else:
                        gone.add(key)
        return listing

    def _speaking(self, table: str, key_of) -> dict[tuple, dict]:
        speaking = {}
        for (urn, _year, pupil), return_id in sorted(self.listing.items(), key=lambda item: item[0][1]):
            ours = [row for row in self.rows[table][return_id] if row["pupil"] == pupil]
            for row in sorted(ours, key=lambda row: -row["row_number"]):
                speaking[(urn, pupil, *key_of(row))] = row  # a later year's row takes the place of an earlier one's
        return speaking

    def _listed_until(self, row: dict) -> date:
        """A, or the as-at date of the last return that lists what the school's next year does not carry in."""
        last = self.current[row["return_id"]]
        years = [
            r["academic_year"]
            for r in self.current.values()
            if r["urn"] == last["urn"] and self.position[r["term"]] <= self.number
        ]
        return self.calendar[self.position[last["term"]]].as_at_date if last["academic_year"] < max(years) else self.a

    def _consultations(self) -> dict[tuple, dict]:
        """(school, pupil, day) -> the row of the newest return that lists it, of the newest returns of all years."""
        newest: dict[tuple, dict] = {}
        for r in self.current.values():
            key = (r["urn"], r["academic_year"])
            if self.position[r["term"]] > self.number:
                continue
            if key not in newest or self.position[newest[key]["term"]] < self.position[r["term"]]:
                newest[key] = r
        found = {}
        for r in sorted(newest.values(), key=lambda r: r["academic_year"]):
            for row in sorted(self.rows["consultations"][r["return_id"]], key=lambda row: -row["row_number"]):
                found[r["urn"], row["pupil"], row["consulted_date"]] = row
        return found

    def _own_rows(self, term: Term) -> dict[tuple, dict]:
        own = {}
        for return_id, r in self.current.items():
            if r["term"] == term.term:
                for row in sorted(self.rows["pupils"][return_id], key=lambda row: -row["row_number"]):
                    own[r["urn"], row["pupil"]] = row
        return own

    def _register(self, term: Term) -> dict[tuple, tuple[dict, bool]]:
        """(school, pupil) -> the row, and whether it is on the register for certain."""
        register = {}
        for key, row in self._own_rows(term).items():
            checks = [
                row["sen_provision"] and row["sen_provision"] in ("K", "E"),
                row["enrolment"] and row["enrolment"] in ("C", "M"),
                row["entry_date"] and row["entry_date"] <= term.as_at_date,
                None
                if row["leaving_date__fault"]
                else not (row["leaving_date"] and row["leaving_date"] <= term.as_at_date),
            ]
            if False not in checks:
                register[key] = (row, None not in checks)
        return register

    def after(self, day: date, days: int) -> date:
        """The n-th school day after a day."""
        return [d for d in self.school_days if d > day][days - 1]

    def before(self, day: date, days: int) -> date:
        """The n-th school day before a day."""
        return [d for d in self.school_days if d < day][-days]

    def review_days(self, pupil: str) -> list[tuple[date, str, date | None]]:
        """(day, outcome, planned date) of the pupil's reviews at any school, in order."""
        by_day = defaultdict(list)
        for (_urn, who, day), row in self.reviews.items():
            if who == pupil and day <= self.a:
                by_day[day].append(row)
        days = []
        for day, rows in sorted(by_day.items()):
            progress = [row["progress"] for row in rows]
            planned = [row["planned_date"] for row in rows if row["progress"] != "NOT_ASSESSED"]
            if PROGRESS & set(progress):
                outcome = "progress"
            elif None in progress:
                outcome = "unknown"
            elif LIMITED & set(progress):
                outcome = "limited"
            else:
                continue
            days.append((day, outcome, min(planned)))
        return days

    def spell(self, pupil: str) -> tuple[bool | None, date | None, date | None]:
        """(in a current spell, its start, the day that established it)."""

        def of(breaking: set[str]) -> tuple[date, date] | None:
            run = []
            for day, outcome, planned in self.review_days(pupil):
                run = [] if outcome in breaking else [*run, (day, planned)]
            for n, (day, _planned) in enumerate(run):
                if n >= 1 and (day - run[0][1]).days >= 120:
                    return run[0][1], day
            return None

        if certain := of({"progress", "unknown"}):
            return True, *certain
        if possible := of({"progress"}):
            return None, *possible
        return False, None, None

    def involved(self, pupil: str) -> bool | None:
        """Whether a specialist is involved."""
        _current, start, _established = self.spell(pupil)
        since = start or self.year_after + timedelta(days=1)
        referred_after = months_before(start or self.a, 12)
        unknown = False
        for (urn, who, _service, referred), row in self.specialists.items():
            if who != pupil:
                continue
            left = self.pupils[urn, pupil]["leaving_date"]
            until = min(left or self.a, self._listed_until(row))
            first, status = row["first_contact_date"], row["status"]
            contact_end = first and (row["ended_date"] or (until if status == "ACTIVE" else first))
            if (
                referred > referred_after
                or (status in ("REFERRED", "ACTIVE") and until >= since)
                or (contact_end and contact_end >= since)
                or (row["advice_date"] and row["advice_date"] >= since)
            ):
                return True
            unknown |= status is None or bool(row["first_contact_date__fault"])
        return None if unknown else False

    def covered(self, pupil: str) -> bool:
        """Each of the year's three terms is reached by a return that lists the pupil on roll in it."""
        covered = set()
        for (_urn, year, who), return_id in self.listing.items():
            if who != pupil:
                continue
            row = min(
                (r for r in self.rows["pupils"][return_id] if r["pupil"] == pupil), key=lambda row: row["row_number"]
            )
            for number in range(self.number - 2, self.number + 1):
                one, before = self.calendar[number], self.calendar[number - 1]
                if (
                    one.academic_year == year
                    and self.position[self.current[return_id]["term"]] >= number
                    and row["entry_date"]
                    and row["entry_date"] <= one.as_at_date
                    and not row["leaving_date__fault"]
                    and not (row["leaving_date"] and row["leaving_date"] <= before.as_at_date)
                ):
                    covered.add(number)
        return len(covered) == 3

    def units(self) -> Units:
        """Every unit of the term."""
        return (
            self.rev01()
            | self.rev02()
            | self.reviews_in_term()
            | self.par01()
            | self.npr01()
            | self.npr02()
            | self.npr05()
            | self.rev05()
            | self.plans_made_in_term()
            | self.pln02()
            | self.par03_and_pln04()
            | self.agy01()
            | self.ehc03()
            | self.ehc04()
            | self.of_the_year()
        )

    def rev01(self) -> Units:
        """At least three review dates in the year; PAR02: at least three on which the parents took part."""
        units = {}
        for (urn, pupil), (row, certain) in self.register.items():
            start = row["sen_start_date"]
            if start and start > months_before(self.a, 12):
                continue
            dates = defaultdict(set)
            for (_u, who, day), review in self.reviews.items():
                if who == pupil and self.year_after < day <= self.a:
                    dates[day].add(review["parents_part"])
            known = certain and start and self.covered(pupil)
            units["REV01", urn, pupil, pupil] = len(dates) >= 3 if known else None
            took_part = len([day for day in dates if "TOOK_PART" in dates[day]])
            at_most = len([day for day in dates if {"TOOK_PART", None} & dates[day]])
            met = True if took_part >= 3 else None if at_most >= 3 else False
            units["PAR02", urn, pupil, pupil] = met if known else None
        return units

    def rev02(self) -> Units:
        """Reviewed from ten school days before the due date to ten after."""
        units = {}
        for (urn, pupil, planned), plan in self.plans.items():
            if urn not in self.answered:
                continue
            unit = ("REV02", urn, pupil, f"{pupil}/{planned}")
            due, ended, unreadable = plan["review_due_date"], plan["ended_date"], plan["ended_date__fault"]
            at_school = self.pupils[urn, pupil]
            left = at_school["leaving_date"]
            if due is None:
                open_in_term = not (ended and ended <= self.p) and self._listed_until(plan) > self.p
                possible = self._runs_out(planned) <= self.a and open_in_term
                if possible and not (left and left <= self.p):
                    units[unit] = None
                continue
            last = self._runs_out(due)
            if not self.p < last <= self.a or (left and left < due):
                continue
            reviewed = any(
                who == pupil and row["planned_date"] == planned and self.before(due, 10) <= day <= last
                for (_urn, who, day), row in self.reviews.items()
            )
            if ended and ended < due and not reviewed:
                continue
            units[unit] = (
                None if at_school["leaving_date__fault"] else True if reviewed else None if unreadable else False
            )
        return units

    def _runs_out(self, day: date) -> date:
        later = [d for d in self.school_days if d > day]
        first = self.school_days[0]
        return date.max if len(later) < 10 else later[9] if day >= first else date.min

    def reviews_in_term(self) -> Units:
        """REV03, REV04, REV06, REV07, REV08, DO01 and PRG01."""
        units = {}
        for (urn, pupil, day), row in self.reviews.items():
            if urn in self.answered and self.p < day <= self.a:
                part, progress = row["parents_part"], row["progress"]
                unit = (urn, pupil, f"{pupil}/{day}")
                units["REV03", *unit] = None if part is None else part != "NONE"
                if progress != "NOT_ASSESSED":
                    units["PRG01", *unit] = None if progress is None else progress in PROGRESS
                if row["pupil_part"] != "NA":
                    units["REV04", *unit] = row["pupil_part"] and row["pupil_part"] != "NONE"
                units["REV06", *unit] = row["led_by"] and row["led_by"] == "TEACHER"
                units["REV07", *unit] = row["with_parents_evening"]
                if progress is None or progress in LIMITED:
                    step = row["next_step"]
                    units["REV08", *unit] = None if progress is None or step is None else step != "CONTINUE"
                delivered = row["support_delivered"]
                units["DO01", *unit] = delivered and delivered in ("FULLY", "MOSTLY")
        return units

    def par01(self) -> Units:
        """Parents told in time."""
        units = {}
        self.new_units: dict[tuple, tuple[dict, bool]] = {}
        lists: dict[str, dict[int, list]] = defaultdict(lambda: defaultdict(list))
        for number in range(self.number + 1):
            for (urn, pupil), row in self._own_rows(self.calendar[number]).items():
                if row["sen_provision"] == "N" or row["enrolment"] == "S":
                    continue
                certain = bool(row["sen_provision"] and row["enrolment"])
                lists[pupil][number].append((urn, row, certain))
        for pupil, by_term in lists.items():
            certain_terms = [n for n, rows in by_term.items() if any(certain for _u, _r, certain in rows)]
            for urn, row, certain in by_term.get(self.number, []):
                if self.number != (min(certain_terms, default=None) if certain else min(by_term)):
                    continue
                start = row["sen_start_date"]
                if start and not self.year_after < start <= self.a:
                    continue
                units["PAR01", urn, pupil, pupil] = self._told(pupil) if certain and start else None
                self.new_units[urn, pupil] = (row, bool(certain and start))
        return units

    def _told(self, pupil: str) -> bool | None:
        rows = [row for (_urn, who), row in self.pupils.items() if who == pupil]
        told = [row["parents_informed_date"] for row in rows if row["parents_informed_date"]]
        plans = [planned for (_urn, who, planned) in self.plans if who == pupil]
        tell_by = self.a
        if plans:
            first = min(plans)
            tell_by = self.after(first, 5) if first >= self.school_days[0] else first
        if tell_by > self.a or (told and min(told) <= tell_by):
            return True
        return None if any(row["parents_informed_date__fault"] for row in rows) else False

    def npr01(self) -> Units:
        """In a current spell."""
        units = {}
        for (urn, pupil), (_row, certain) in self.register.items():
            days = self.review_days(pupil)
            known = [day for day in days if day[1] != "unknown"]
            if len(days) >= 2:
                units["NPR01", urn, pupil, pupil] = self.spell(pupil)[0] if certain and len(known) >= 2 else None
        return units

    def npr02(self) -> Units:
        """A specialist where the spell has been established for 20 school days."""
        units = {}
        for (urn, pupil), (_row, certain) in self.register.items():
            current, start, established = self.spell(pupil)
            if start and len([d for d in self.school_days if established < d <= self.a]) >= 20:
                units["NPR02", urn, pupil, pupil] = self.involved(pupil) if certain and current else None
        return units

    def npr05(self) -> Units:
        """Progress assessed since the as-at date two terms before."""
        units = {}
        then = self.calendar[self.number - 2]
        earlier = defaultdict(bool)
        for (_urn, pupil), (_row, certain) in self._register(then).items():
            earlier[pupil] |= certain
        for (urn, pupil), (_row, certain) in self.register.items():
            if pupil in earlier:
                since = [outcome for day, outcome, _p in self.review_days(pupil) if day > then.as_at_date]
                met = True if {"limited", "progress"} & set(since) else None if since else False
                units["NPR05", urn, pupil, pupil] = met if certain and earlier[pupil] else None
        return units

    def rev05(self) -> Units:
        """The parents' copy within ten school days."""
        units = {}
        for (urn, pupil, day), row in self.reviews.items():
            later = [d for d in self.school_days if d > day]
            if urn not in self.answered or day < self.school_days[0] or len(later) < 10:
                continue
            copy_by, at_school = later[9], self.pupils[urn, pupil]
            left = at_school["leaving_date"]
            if not self.p < copy_by <= self.a or (left and left < copy_by):
                continue
            copied = row["copy_to_parents_date"]
            met = True if copied and copied <= copy_by else None if row["copy_to_parents_date__fault"] else False
            units["REV05", urn, pupil, f"{pupil}/{day}"] = None if at_school["leaving_date__fault"] else met
        return units

    def plans_made_in_term(self) -> Units:
        """ASM01, PLN01, PLN03, TGT01, DO02 and DO03."""
        units = {}
        for (urn, pupil, planned), plan in self.plans.items():
            if urn not in self.answered or not self.p < planned <= self.a:
                continue
            unit = (urn, pupil, f"{pupil}/{planned}")
            assessed = plan["assessed_date"]
            met = bool(assessed) and planned - timedelta(days=60) <= assessed <= planned
            units["ASM01", *unit] = None if plan["assessed_date__fault"] else met
            units["PLN01", *unit] = plan["complete"]
            units["TGT01", *unit] = plan["targets_measurable"]
            units["DO02", *unit] = plan["staff_trained"]
            units["DO03", *unit] = plan["teacher_responsible"]
            agreed = [plan["parents_agreed"], plan["pupil_agreed"] and plan["pupil_agreed"] != "N"]
            units["PLN03", *unit] = False if False in agreed else None if None in agreed else True
        return units

    def pln02(self) -> Units:
        """An open plan of the year that is not overdue."""
        units = {}
        for (urn, pupil), (_row, certain) in self.register.items():
            verdicts = {self._kept_up(*key, plan) for key, plan in self.plans.items() if key[1] == pupil}
            met = True if True in verdicts else None if None in verdicts else False
            units["PLN02", urn, pupil, pupil] = met if certain else None
        return units

    def _kept_up(self, urn: str, pupil: str, planned: date, plan: dict) -> bool | None:
        at_school = self.pupils[urn, pupil]
        left, ended, due = at_school["leaving_date"], plan["ended_date"], plan["review_due_date"]
        if planned > self.a or (left and left <= self.a) or (ended and ended <= self.a):
            return False
        if self._listed_until(plan) < self.a:
            return False
        reviewed = [
            day
            for (_u, who, day), row in self.reviews.items()
            if who == pupil and row["planned_date"] == planned and day <= self.a
        ]
        if max([planned, *reviewed]) <= self.year_after:
            return False
        if not reviewed and due and self._runs_out(due) <= self.a:
            return False
        known = due or reviewed
        return True if known and not at_school["leaving_date__fault"] and not plan["ended_date__fault"] else None

    def par03_and_pln04(self) -> Units:
        """Young people told; parents who agreed the first plan (both of the pupils of par01, which comes first)."""
        units = {}
        for (urn, pupil), (row, certain) in self.new_units.items():
            rows = [theirs for (_urn, who), theirs in self.pupils.items() if who == pupil]
            year = row["year_group"]
            if year is None or (year.isdigit() and int(year) >= 12):
                dates = [theirs["young_person_informed_date"] for theirs in rows]
                told = any(day and day <= self.a for day in dates)
                unreadable = any(theirs["young_person_informed_date__fault"] for theirs in rows)
                met = True if told else None if unreadable else False
                units["PAR03", urn, pupil, pupil] = met if certain and year else None
            plans = {key: plan for key, plan in self.plans.items() if key[1] == pupil}
            if plans:
                first = min(planned for (_u, _w, planned) in plans)
                agreed = {plan["parents_agreed"] for (_u, _w, planned), plan in plans.items() if planned == first}
                met = True if True in agreed else None if None in agreed else False
                units["PLN04", urn, pupil, pupil] = met if certain else None
        return units

    def agy01(self) -> Units:
        """A specialist active at A, or with advice in the year."""
        units = {}
        for (urn, pupil), (row, certain) in self.register.items():
            if row["sen_provision"] == "K":
                continue
            verdicts = set()
            for (other, who, _service, referred), spec in self.specialists.items():
                if who != pupil or referred > self.a:
                    continue
                left, ended = self.pupils[other, pupil]["leaving_date"], spec["ended_date"]
                over = (left and left <= self.a) or (ended and ended <= self.a) or self._listed_until(spec) < self.a
                if over or spec["status"] not in (None, "ACTIVE"):
                    verdicts.add(False)
                elif spec["status"] is None or self.pupils[other, pupil]["leaving_date__fault"]:
                    verdicts.add(None)
                else:
                    verdicts.add(True)
                advised = spec["advice_date"]
                verdicts.add(bool(advised and self.year_after < advised <= self.a))
            met = True if True in verdicts else None if None in verdicts else False
            units["AGY01", urn, pupil, pupil] = met if certain else None
        return units

    def ehc03(self) -> Units:
        """An annual review meeting within twelve months."""
        units = {}
        started = {}
        for plan in self.la.sen2_plans:
            if plan["plan_start_date"] <= self.a:
                pupil = self.la.pupil_keys[plan["upn"]]
                started[pupil] = max(started.get(pupil, plan["plan_start_date"]), plan["plan_start_date"])
        named = {}
        for plan in self.la.ehc_plans:
            if plan["named_date"] <= self.a:
                pupil = self.la.pupil_keys[plan["upn"]]
                named[pupil] = min(named.get(pupil, plan["named_date"]), plan["named_date"])
        for (urn, pupil), (row, certain) in self.register.items():
            start = started.get(pupil) or named.get(pupil)
            if row["sen_provision"] == "K" or start is None or start > months_before(self.a, 12):
                continue
            rows = [theirs for (_urn, who), theirs in self.pupils.items() if who == pupil]
            held = [theirs["annual_review_meeting_date"] for theirs in rows]
            unreadable = any(theirs["annual_review_meeting_date__fault"] for theirs in rows)
            met = any(day and day >= months_before(self.a, 12) for day in held) or (None if unreadable else False)
            units["EHC03", urn, pupil, pupil] = met if certain else None
        return units

    def ehc04(self) -> Units:
        """A reply within fifteen days."""
        units = {}
        for (urn, pupil, day), row in self.consultations.items():
            reply_by = day + timedelta(days=15)
            if urn not in self.answered or not self.p < reply_by <= self.a:
                continue
            left = self.pupils.get((urn, pupil), {}).get("leaving_date")
            if left and day <= left < reply_by:
                continue
            replied = row["responded_date"]
            met = True if replied and replied <= reply_by else None if row["responded_date__fault"] else False
            units["EHC04", urn, pupil, f"{pupil}/{day}"] = met
        return units

    def of_the_year(self) -> Units:
        """TRN01 and LAC01: something was done in the year, at any school."""
        units = {}
        looked_after = {self.la.pupil_keys[row["upn"]] for row in self.la.pupil_context if row["looked_after"]}
        for (urn, pupil), (row, certain) in self.register.items():
            rows = [theirs for (_urn, who), theirs in self.pupils.items() if who == pupil]

            def done(field: str, rows=rows) -> bool | None:
                if any(theirs[field] and self.year_after < theirs[field] <= self.a for theirs in rows):
                    return True
                return None if any(theirs[f"{field}__fault"] for theirs in rows) else False

            if pupil in looked_after:
                units["LAC01", urn, pupil, pupil] = done("designated_teacher_liaison_date") if certain else None
            year = row["year_group"]
            number = int(year) if year and year.isdigit() else 0
            moves = number == 6 or number >= 11 or bool(row["next_setting_urn"])
            moves |= number >= 9 and row["sen_provision"] == "E"
            if moves:
                units["TRN01", urn, pupil, pupil] = done("transition_plan_date") if certain else None
            elif year is None or (number >= 9 and row["sen_provision"] is None):
                units["TRN01", urn, pupil, pupil] = None
        return units
