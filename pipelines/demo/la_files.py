"""The LA's own files, consistent with what the schools return but for a few differences that are there to be found."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from pipelines.demo.days import academic_year_of
from pipelines.demo.lives import Naming, Pupil, World
from pipelines.demo.returns import gives_uln_alone, identity, year_group
from pipelines.demo.schools import NEIGHBOURS, School
from pipelines.terms import Term

# the header of GIAS's edubasealldata file, in its order
GIAS_COLUMNS = (Path(__file__).parent / "gias_header.csv").read_text(encoding="utf-8").strip().split(",")
SEN2_HEADINGS = {
    "sen2": "lea year referencedate dmo dco dsco",
    "person": "surname forename personbirthdate sex ethnicity postcode upn uniquelearnernumber upnunknown",
    "requests": "persontableid receiveddate requestsource rya requestoutcomedate requestoutcome requestmediation "
    "requesttribunal exported",
    "assessment": "requeststableid assessmentoutcome assessmentoutcomedate assessmentmediation assessmenttribunal "
    "othermediation othertribunal week20",
    "namedplan": "assessmenttableid startdate planres planwbp pb oa dp ceasedate ceasereason",
    "plandetail": "namedplantableid urn ukprn sensetting sensettingother placementrank senunitindicator "
    "resourcedprovisionindicator",
    "activeplans": "requeststableid transferla reviewmeeting reviewoutcome reviewdraft phasetransferduedate "
    "phasetransferfinaldate lastreview",
    "placementdetail": "activeplanstableid urn ukprn sensetting sensettingother placementrank entrydate leavingdate "
    "senunitindicator resourcedprovisionindicator res wbp",
    "senneed": "activeplanstableid sentype sentyperank",
}

# of COLLECT's columns those that say whose a row is and what SEN the pupil has
CENSUS_HEADINGS = {
    "pupilonroll": "pupilonrolltableid NativeId pupilonrollorderseqcolumn sourceid schoolcensustableid surname forename "
    "upn formerupn uniquelearnernumber dob sex entrydate enrolstatus ncyearactual senprovision",
    "senneeds": "pupilonrolltableid NativeId senneedstableid senneedsorderseqcolumn sourceid sentyperank sentype",
}


def csv_text(heading: Iterable[str], rows: Iterable[Iterable[object]], line_end: str = "\n") -> str:
    """A CSV with its heading; None is an empty cell, a date is ISO."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator=line_end)
    out.writerow(heading)
    out.writerows(rows)
    return text.getvalue()


def write_la_files(
    world: World, others: dict[str, list[School]], folder: Path, terms: list[Term], rng: Random
) -> list[Path]:
    """Write every file of `reference/` and return their paths; the extracts are of the last term's as-at date."""
    as_at = terms[-1].as_at_date
    earlier = [school.predecessor for school in world.schools if school.predecessor]
    schools = [*world.schools, *earlier, *(school for group in others.values() for school in group)]
    texts = {
        "contacts.csv": contacts(world.schools, rng),
        "ehc_plans.csv": ehc_plans(world, as_at),
        "pupil_context.csv": pupil_context(world, as_at),
        "notional_budgets.csv": notional_budgets(world.schools, terms, rng),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    stamp = (as_at - timedelta(days=6)).strftime("%Y%m%d")
    gias = folder / f"edubasealldata{stamp}.csv"
    gias.write_bytes(gias_establishments(schools, rng).encode("cp1252"))
    links = folder / f"links_edubasealldata{stamp}.csv"
    links.write_bytes(gias_links(world.schools, others).encode("cp1252"))
    sen2 = write_sen2(world, folder / "sen2", as_at, rng)
    return [*(folder / name for name in texts), gias, links, *sen2, *write_census(world, folder / "census", terms)]


def gias_establishments(schools: list[School], rng: Random) -> str:
    """GIAS's establishments: its header, its CRLF, dates as dd-mm-yyyy."""
    rows = []
    for number, school in enumerate(schools):
        roll = int(
            {"nursery": 80, "primary": 320, "secondary": 980, "special": 105}.get(school.kind, 900) * school.size
        )
        town = "Southmouth"
        cells = {
            "URN": school.urn,
            "LA (code)": school.la_code,
            "LA (name)": NEIGHBOURS.get(school.la_code, f"Local authority {school.la_code}"),
            "EstablishmentNumber": school.number,
            "EstablishmentName": school.name,
            "TypeOfEstablishment (code)": school.type_code,
            "TypeOfEstablishment (name)": school.type,
            "EstablishmentTypeGroup (code)": school.group_code,
            "EstablishmentTypeGroup (name)": school.group,
            "EstablishmentStatus (code)": school.status[0],
            "EstablishmentStatus (name)": school.status[1],
            "OpenDate": _opened_on(school),
            "CloseDate": school.closed_on,
            "PhaseOfEducation (code)": school.phase_code,
            "PhaseOfEducation (name)": school.phase,
            "StatutoryLowAge": school.low_age,
            "StatutoryHighAge": school.high_age,
            "NumberOfPupils": "" if school.closed_on else roll,
            "PercentageFSM": round(rng.uniform(6, 48), 1),
            "SchoolCapacity": roll + rng.randrange(0, 60),
            "TrustSchoolFlag (name)": "Supported by a multi-academy trust" if school.trust else "Not applicable",
            "Trusts (code)": school.trust[0] if school.trust else "",
            "Trusts (name)": school.trust[1] if school.trust else "",
            "FederationFlag (name)": "Supported by a federation" if school.federation else "Not under a federation",
            "Federations (code)": school.federation[0] if school.federation else "",
            "Federations (name)": school.federation[1] if school.federation else "",
            "UKPRN": 10080001 + number,
            "Gender (name)": "Mixed",
            "Section41Approved (name)": "Not approved" if school.group_code == "3" else "Not applicable",
            "Town": town,
            "Street": f"{number + 1} {school.name.rsplit(' ', 2)[0]}",
            "LastChangedDate": "14-05-2026",
            "GSSLACode (name)": "E06000023",
            "Country (name)": "United Kingdom",
        }
        rows.append([cells.get(column, "") for column in GIAS_COLUMNS])
    return csv_text(GIAS_COLUMNS, rows, "\r\n")


def _opened_on(school: School) -> str:
    if school.converted_on and not school.closed_on:
        return f"{school.converted_on:%d-%m-%Y}"
    return "01-09-1998" if school.trust is None else "01-04-2014"


def gias_links(schools: list[School], others: dict[str, list[School]]) -> str:
    """Predecessors and successors, each from both ends: a school that became an academy, and one that was merged away."""
    rows = []
    merged, into = others["closed"][0], next((s for s in schools if s.kind == "primary" and not s.predecessor), None)
    pairs = [(s.predecessor, s, "", f"{s.converted_on:%d-%m-%Y}") for s in schools if s.predecessor and s.converted_on]
    if into:
        pairs.append((merged, into, " - merged", "01-09-2022"))
    for old, new, kind, day in pairs:
        rows.append([old.urn, new.urn, new.name, f"Successor{kind}", day])
        rows.append([new.urn, old.urn, old.name, f"Predecessor{kind}", day])
    return csv_text(["URN", "LinkURN", "LinkName", "LinkType", "LinkEstablishedDate"], rows, "\r\n")


def contacts(schools: list[School], rng: Random) -> str:
    """Mail addresses of every school, of one at least; all under `.example`."""
    rows = []
    for school in schools:
        host = "".join(c for c in school.name.lower() if c.isascii() and c.isalnum()) + ".example"
        rows.append([school.urn, f"SENCO, {school.name}", f"senco@{host}", "SENCO"])
        if rng.random() < 0.9:
            rows.append([school.urn, f"Headteacher, {school.name}", f"head@{host}", "HEADTEACHER"])
        rows.append([school.urn, f"Office, {school.name}", f"office@{host}", "OFFICE"])
        if school.predecessor:
            rows.append([school.predecessor.urn, f"SENCO, {school.name}", f"senco@{host}", "SENCO"])
    return csv_text(["urn", "name", "email", "role"], rows)


def la_identifier(world: World, pupil: Pupil, as_at: date) -> str:
    """What the LA knows the pupil by: the UPN, or the ULN where no school ever gave a UPN.

    It hears of a permanent UPN from the school, and has the temporary one in its own files for a term more.
    """
    if pupil.uln and all(gives_uln_alone(pupil, stay.school) for stay in pupil.stays):
        return pupil.uln
    heard_up_to = max((term.as_at_date for term in world.days.terms if term.as_at_date < as_at), default=as_at)
    return pupil.temporary_upn if pupil.upn_given_on and pupil.upn_given_on > heard_up_to else pupil.upn


@dataclass(frozen=True)
class LANaming:
    """A row of `ehc_plans.csv`."""

    upn: str
    urn: str
    named: date
    transfer: bool
    expected: date | None
    ceased: date | None


def la_namings(world: World, as_at: date) -> list[LANaming]:
    """Every plan and school that it named up to the as-at date, as the LA knows it."""
    return [
        LANaming(
            la_identifier(world, pupil, as_at),
            naming.school.urn_on(naming.la_named or naming.named),
            naming.la_named or naming.named,
            naming.transfer,
            naming.expected,
            naming.ceased if naming.ceased and naming.ceased <= as_at else _left(naming, as_at),
        )
        for pupil in world.pupils
        for naming in pupil.namings
        if naming.in_la_file and naming.named <= as_at
    ]


def ehc_plans(world: World, as_at: date) -> str:
    """The extract of the LA's case system: a row for every plan and school that it named up to the as-at date."""
    rows = [
        [naming.upn, naming.urn, naming.named, "Y" if naming.transfer else "N", naming.expected, naming.ceased]
        for naming in la_namings(world, as_at)
    ]
    rows.sort(key=lambda row: (row[1], row[2], row[0]))
    return csv_text(["upn", "urn", "named_date", "phase_transfer", "expected_start_date", "ceased_date"], rows)


def _left(naming: Naming, as_at: date) -> date | None:
    """A plan ceases with the last stay of a pupil who left for good."""
    last = naming.pupil.stays[-1]
    if last.school is naming.school and last.leaving and last.leaving <= as_at:
        return last.leaving
    return None


def pupil_context(world: World, as_at: date) -> str:
    """Looked-after children (the virtual school) and top-up funding (the funding team)."""
    rows = [
        [la_identifier(world, p, as_at), "Y" if p.looked_after else "N", "Y" if p.top_up else "N"]
        for p in world.pupils
        if p.looked_after or p.top_up
    ]
    return csv_text(["upn", "looked_after", "top_up_funding"], rows)


def notional_budgets(schools: list[School], terms: list[Term], rng: Random) -> str:
    """The notional SEN budget of mainstream schools, of every financial year from the first term's to the last one's."""
    first, last = (int(term.academic_year[:4]) for term in (terms[0], terms[-1]))
    rows = [
        [school.urn_on(date(year, 4, 1)), f"{year}-{(year + 1) % 100:02d}", rng.randrange(40, 900) * 500]
        for school in schools
        if school.kind in ("primary", "secondary")
        for year in range(first, last + 2)
    ]
    return csv_text(["urn", "financial_year", "amount"], rows)


def write_sen2(world: World, folder: Path, as_at: date, rng: Random) -> list[Path]:
    """A SEN2 Blade export (nine CSVs, layout 1.3) of the last census day in January before the as-at date."""
    reference = sen2_reference_date(world, as_at)
    tables = sen2_tables(world, reference, rng)
    export = folder / f"Blade-Export_{reference:%d-%m-%Y}"
    export.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, headings in SEN2_HEADINGS.items():
        columns = ["NativeId", f"{name}tableid", *headings.split(), f"{name}orderseqcolumn", "sourceid"]
        rows = [
            [f"{name}-{number}", number, *(_blade(cell) for cell in row), number, "SEN2"]
            for number, row in enumerate(tables[name], start=1)
        ]
        path = export / f"{export.name}_{name}.csv"
        path.write_bytes(csv_text(columns, rows, "\r\n").encode("utf-8"))
        paths.append(path)
    return paths


def sen2_reference_date(world: World, as_at: date) -> date:
    """The last census day in January up to a day; the day itself where there is none."""
    springs = [t.census_day for t in world.days.terms if t.name == "spring" and t.census_day <= as_at]
    return max(springs, default=as_at)


def _blade(value: object) -> object:
    """Dates as the Blade writes them: 2022-Sep-28 00:00:00."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    if isinstance(value, date):
        return f"{value.year}-{months[value.month - 1]}-{value.day:02d} 00:00:00"
    return value


def sen2_tables(world: World, reference: date, rng: Random) -> dict[str, list[list]]:
    """The rows of the nine modules; parents are counted from 1 in the order of their rows."""
    begins = date(reference.year - 1, 1, 1)
    tables: dict[str, list[list]] = {name: [] for name in SEN2_HEADINGS}
    tables["sen2"].append([world.la_code, reference.year, reference, 0, 0, 0])
    for pupil in world.pupils:
        if pupil.plan_from is None or pupil.plan_from > reference:
            continue
        namings = [n for n in pupil.namings if n.named <= reference]
        if not namings or any(n is namings[-1] and _left(n, begins) for n in namings):
            continue
        _add_case(tables, world, pupil, namings, reference, rng)
    return tables


def sen2_primary_needs(world: World, reference: date) -> dict[str, str]:
    """UPN or ULN -> need of rank 1 in the export of a reference date."""
    tables = sen2_tables(world, reference, Random(0))
    needs = {}
    for active, need, rank in tables["senneed"]:
        *_, upn, uln, _ = tables["person"][tables["activeplans"][active - 1][0] - 1]
        if rank == 1:
            needs[upn or uln] = need
    return needs


def _add_case(
    tables: dict[str, list[list]], world: World, pupil: Pupil, namings: list[Naming], reference: date, rng: Random
) -> None:
    started = pupil.plan_from
    received = started - timedelta(days=rng.choice((120, 135, 139, 140, 150, 190)))
    born = date(academic_year_of(started) - pupil.group(started) - 4, 9, 1) - timedelta(days=rng.randrange(1, 365))
    known_as = la_identifier(world, pupil, reference)
    by_uln = known_as == pupil.uln
    tables["person"].append(
        [
            f"SURNAME{pupil.number:05d}",
            f"Forename{pupil.number:05d}",
            born,
            pupil.sex,
            rng.choice(("WBRI", "WBRI", "WBRI", "MWBC", "BSOM", "AIND", "WOTH")),
            f"XX{rng.randrange(1, 9)} {rng.randrange(1, 9)}ZZ",
            "" if by_uln else known_as,
            known_as if by_uln else "",
            "UN5" if by_uln else "",
        ]
    )
    person = len(tables["person"])
    tables["requests"].append(
        [person, received, rng.choice((1, 2, 4, 4, 8)), 0, received + timedelta(days=38), "Y", 0, 0, 0]
    )
    tables["assessment"].append([person, "Y", started - timedelta(days=14), 0, 0, 0, 0, 0])
    current = namings[-1]
    left = _left(current, reference)
    tables["namedplan"].append([person, started, 0, 0, "N", "N", "N", left, 1 if left else None])
    urn = current.school.urn_on(reference)
    tables["plandetail"].append([person, urn, "", "", "", 1, 0, 0])
    if left:
        return
    meeting = max((day for day in pupil.annual_reviews if day <= reference), default=None)
    decided = None
    if meeting:
        decided = meeting + timedelta(days=rng.choice((14, 21, 26, 27, 35, 60)))
        decided = decided if decided <= reference else None
    tables["activeplans"].append([person, "N", meeting, "M" if meeting else None, None, None, None, decided])
    active = len(tables["activeplans"])
    stay = next((s for s in reversed(pupil.stays) if s.school is current.school and s.entry <= reference), None)
    if stay:
        tables["placementdetail"].append([active, urn, "", "", "", 1, stay.entry, None, 0, 0, "N", "N"])
    slipped = pupil.number in world.sen2_slips
    tables["senneed"].append([active, _another_need(pupil.primary_need) if slipped else pupil.primary_need, 1])
    if pupil.secondary_need:
        tables["senneed"].append([active, pupil.secondary_need, 2])


def _another_need(need: str) -> str:
    return "ASD" if need != "ASD" else "SLCN"


def write_census(world: World, folder: Path, terms: list[Term]) -> list[Path]:
    """COLLECT's export of the school census of each term; types of need in spring alone."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for term in terms:
        tables = census_tables(world, term)
        for name, headings in CENSUS_HEADINGS.items():
            if name in tables:
                path = folder / f"{term.census_day.year}_{term.name}_{name}.csv"
                path.write_bytes(csv_text(headings.split(), tables[name], "\r\n").encode("utf-8"))
                paths.append(path)
    return paths


def census_tables(world: World, term: Term) -> dict[str, list[list]]:
    """The rows of each table. On roll are the pupils who have SEN at some time of the period; colleges send no census."""
    day = term.census_day
    on_roll: list[list] = []
    needs: list[list] = []
    for pupil in world.pupils:
        second = next((stay for stay in pupil.stays if stay.enrolment == "S"), None)
        for stay in pupil.stays:
            if stay.school.type_code == "18" or stay.entry > day or (stay.leaving is not None and stay.leaving < day):
                continue
            upn, uln, former = identity(pupil, stay.school, day)
            has_sen = pupil.sen_start <= day and not (pupil.off_on and pupil.off_on <= day)
            alone = stay.enrolment == "M" and (second is None or second.entry > day)
            number = len(on_roll) + 1
            on_roll.append(
                [
                    f"{term.term}-{number}",
                    stay.school.laestab,
                    number,
                    "COLLECT",
                    stay.school.laestab,
                    f"SURNAME{pupil.number:05d}",
                    f"Forename{pupil.number:05d}",
                    upn,
                    former,
                    uln,
                    _blade(date(pupil.cohort - 5, 9, 1) + timedelta(days=pupil.number % 364)),
                    pupil.sex,
                    _blade(stay.entry),
                    "C" if alone else stay.enrolment,
                    year_group(pupil.group(day)),
                    ("E" if pupil.has_plan(day) else "K") if has_sen else "N",
                ]
            )
            types = [pupil.primary_need]
            if pupil.secondary_need and pupil.need_known_from and pupil.need_known_from <= day:
                types.append(pupil.secondary_need)
            for rank, need in enumerate(types if has_sen else [], start=1):
                needs.append(
                    [
                        f"{term.term}-{number}",
                        stay.school.laestab,
                        len(needs) + 1,
                        len(needs) + 1,
                        "COLLECT",
                        rank,
                        need,
                    ]
                )
    for (of_term, urn), stranger in world.census_slips.items():
        if of_term == term.term:
            laestab = next(school.laestab for school in world.schools if school.urn == urn)
            _slip(on_roll, needs, laestab, stranger)
    return {"pupilonroll": on_roll, "senneeds": needs} if term.name == "spring" else {"pupilonroll": on_roll}


def _slip(on_roll: list[list], needs: list[list], laestab: str, stranger: str) -> None:
    """Some of a school's entries wrong: a pupil without SEN, a plan as SEN support, another need, and a pupil too many."""
    own = [row for row in on_roll if row[1] == laestab]
    supported, planned = ([row for row in own if row[-1] == code] for code in ("K", "E"))
    if len(supported) < 2 or not planned:
        return
    unknown, other = supported[:2]
    unknown[-1], planned[0][-1] = "N", "K"
    needs[:] = [row for row in needs if row[0] != unknown[0]]
    for row in needs:
        if row[0] == other[0] and row[-2] == 1:
            row[-1] = _another_need(row[-1])
    number = len(on_roll) + 1
    # a year group that nobody of the school is in
    cells = {
        0: f"{unknown[0]}-{number}",
        2: number,
        5: "SURNAME00000",
        6: "Forename00000",
        7: stranger,
        14: "X",
        15: "K",
    }
    on_roll.append([cells.get(position, cell) for position, cell in enumerate(unknown)])
    on_roll[-1][8] = on_roll[-1][9] = None


@dataclass(frozen=True)
class CensusEntry:
    """What a school census says of a pupil; need: of rank 1, in spring."""

    upn: str
    provision: str
    need: str | None


def census_entries(world: World, term: Term) -> dict[str, list[CensusEntry]]:
    """LAESTAB -> its pupils on roll, by the UPN or else the ULN."""
    tables = census_tables(world, term)
    needs = {row[0]: row[-1] for row in tables.get("senneeds", []) if row[-2] == 1}
    entries: dict[str, list[CensusEntry]] = {}
    for row in tables["pupilonroll"]:
        entries.setdefault(row[1], []).append(CensusEntry(row[7] or row[9], row[-1], needs.get(row[0])))
    return entries
