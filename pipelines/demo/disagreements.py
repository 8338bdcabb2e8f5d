"""Where what the schools return and what the LA's extract says of EHC plans differ: issues before anything is spoilt."""

from datetime import date

from pipelines.demo.days import SchoolDays, academic_year_of
from pipelines.demo.faults import Sending
from pipelines.demo.la_files import LANaming, la_namings
from pipelines.demo.lives import World

ADMISSION_SCHOOL_DAYS = 15


def report_disagreements(sendings: list[Sending], world: World, as_at: date) -> None:
    """Write into each clean return the issues that the LA's extract of a day makes of it."""
    namings = la_namings(world, as_at)
    for sending in sendings:
        day = sending.sent.term.as_at_date
        known = [naming for naming in namings if naming.named <= day]
        in_force = [naming for naming in known if naming.ceased is None or naming.ceased > day]
        _report(sending, known, in_force, world.days)


def _report(sending: Sending, known: list[LANaming], in_force: list[LANaming], days: SchoolDays) -> None:
    sent, day = sending.sent, sending.sent.term.as_at_date
    pupils, placements = sent.sheet("pupils"), sent.sheet("placements")
    urns = {sent.school.urn, *([sent.school.predecessor.urn] if sent.school.predecessor else [])}
    has_plan = {naming.upn for naming in in_force}
    for row in pupils.written():
        leaving = pupils.cell(row, "leaving_date")
        is_temporary = bool(row[0]) and not row[0][-1].isdigit()
        is_known = bool({*row[:3]} & has_plan)
        provision = pupils.cell(row, "sen_provision")
        if is_temporary or (leaving is not None and leaving <= day):
            continue
        if provision == "E" and not is_known:
            sending.broken.append(("pupils", row, "sen_provision", "PUP23"))
        if provision == "K" and is_known:
            sending.broken.append(("pupils", row, "sen_provision", "PUP24"))
    named_here = {naming.upn for naming in known if naming.urn in urns}
    for row in placements.written():
        if row[0] not in named_here and row[0][-1].isdigit():
            sending.broken.append(("placements", row, "upn", "PLC04"))
    there = {number for row in pupils.written() for number in row[:3]} | {row[0] for row in placements.written()}
    late = [naming for naming in in_force if naming.urn in urns and due(naming, days) < day]
    if {naming.upn for naming in late} - there:
        sending.broken.append(("pupils", None, None, "EXP04"))


def due(naming: LANaming, days: SchoolDays) -> date:
    """The day on which the pupil is due at the school that a plan names."""
    if naming.expected:
        return naming.expected
    if naming.transfer:
        year = academic_year_of(naming.named)
        return next(first for first in map(days.first_day, (year, year + 1)) if first > naming.named)
    return days.after(naming.named, ADMISSION_SCHOOL_DAYS)
