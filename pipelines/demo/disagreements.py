"""Where what the schools return and what the LA's own data say differ: issues before anything is spoilt."""

from datetime import date

from pipelines.demo.days import SchoolDays, academic_year_of
from pipelines.demo.faults import Sending
from pipelines.demo.la_files import (
    CensusEntry,
    LANaming,
    census_entries,
    la_namings,
    sen2_primary_needs,
    sen2_reference_date,
)
from pipelines.demo.lives import World
from pipelines.terms import Term

ADMISSION_SCHOOL_DAYS = 15


def report_disagreements(sendings: list[Sending], world: World, as_at: date) -> None:
    """Write into each clean return the issues that the LA's extract, SEN2 and censuses of a day make of it."""
    namings = la_namings(world, as_at)
    first_named: dict[str, date] = {}
    for naming in namings:
        first_named[naming.upn] = min(naming.named, first_named.get(naming.upn, naming.named))
    reference = sen2_reference_date(world, as_at)
    sen2 = sen2_primary_needs(world, reference)
    censuses: dict[str, dict[str, list[CensusEntry]]] = {}
    for sending in sendings:
        term = sending.sent.term
        if term.term not in censuses:
            censuses[term.term] = census_entries(world, term)
        known = [naming for naming in namings if naming.named <= term.as_at_date]
        in_force = [naming for naming in known if naming.ceased is None or naming.ceased > term.as_at_date]
        _report_plans(sending, known, in_force, world.days)
        _report_needs(sending, sen2 if term.census_day == reference else {})
        _report_census(sending, censuses[term.term].get(sending.sent.school.laestab, []), term, first_named)


def _report_plans(sending: Sending, known: list[LANaming], in_force: list[LANaming], days: SchoolDays) -> None:
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


def _report_needs(sending: Sending, sen2: dict[str, str]) -> None:
    pupils = sending.sent.sheet("pupils")
    for row in pupils.written():
        needs = {sen2[number] for number in row[:3] if number in sen2}
        if pupils.cell(row, "sen_provision") == "E" and needs and pupils.cell(row, "primary_need") not in needs:
            sending.broken.append(("pupils", row, "primary_need", "PUP26"))


def _report_census(sending: Sending, roll: list[CensusEntry], term: Term, first_named: dict[str, date]) -> None:
    pupils = sending.sent.sheet("pupils")
    by_upn = {entry.upn: entry for entry in roll}
    said = {(id(row), code) for _, row, _, code in sending.broken}
    for row in pupils.written():
        entry = next((by_upn[number] for number in row[:3] if number in by_upn), None)
        provision, need, start = (pupils.cell(row, f) for f in ("sen_provision", "primary_need", "sen_start_date"))
        if entry is None or provision not in ("K", "E"):
            continue
        if entry.provision == "N" and start <= term.census_day:
            sending.broken.append(("pupils", row, "sen_provision", "PUP28"))
        is_younger = provision == "E" and first_named.get(entry.upn, term.census_day) > term.census_day
        speaks_for = {(id(row), "PUP23"), (id(row), "PUP24")} & said
        if entry.provision in ("K", "E") and entry.provision != provision and not is_younger and not speaks_for:
            sending.broken.append(("pupils", row, "sen_provision", "PUP27"))
        if entry.need not in (None, "NSA", need) and (id(row), "PUP26") not in said:
            sending.broken.append(("pupils", row, "primary_need", "PUP29"))
    there = {number for row in pupils.written() for number in row[:3]}
    if {entry.upn for entry in roll if entry.provision in ("K", "E")} - there:
        sending.broken.append(("pupils", None, None, "EXP05"))


def due(naming: LANaming, days: SchoolDays) -> date:
    """The day on which the pupil is due at the school that a plan names."""
    if naming.expected:
        return naming.expected
    if naming.transfer:
        year = academic_year_of(naming.named)
        return next(first for first in map(days.first_day, (year, year + 1)) if first > naming.named)
    return days.after(naming.named, ADMISSION_SCHOOL_DAYS)
