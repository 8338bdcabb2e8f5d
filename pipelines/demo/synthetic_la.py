"""A whole synthetic LA in the data folder: its schools' returns, good and spoilt, and the LA's own files."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from expectations.contracts import accepted_versions
from pipelines.demo.days import SchoolDays
from pipelines.demo.dfe_release import write_release
from pipelines.demo.disagreements import report_disagreements
from pipelines.demo.faults import Fault, Sending, spoil, write_planted
from pipelines.demo.la_files import write_la_files
from pipelines.demo.lives import World, live
from pipelines.demo.returns import SchoolReturn, cut_return, make_arrangements
from pipelines.demo.schools import School, make_other_schools, make_schools
from pipelines.demo.writing import style_of, write_return
from pipelines.settings import Settings
from pipelines.terms import Term, load_calendar

LAST_YEAR = "2025-26"
LATE_BY = timedelta(days=10)
MADE_FILES = "made_files.txt"


@dataclass(frozen=True)
class DemoSummary:
    """What was made: counts, and where the planted faults are written down."""

    schools: int
    terms: tuple[str, ...]
    pupils: int
    returns: int
    files: int
    dirty_files: int
    faults: int
    planted_faults: Path
    rules_planted: frozenset[str] = field(default=frozenset(), repr=False)


def demo_terms(settings: Settings, count: int) -> list[Term]:
    """The last `count` terms up to summer 2025-26 whose year accepts a version of the return.

    Raises ValueError where there are not so many.
    """
    accepted = accepted_versions()
    terms = [
        term
        for term in load_calendar(settings).values()
        if term.academic_year in accepted and term.academic_year <= LAST_YEAR
    ]
    if not 1 <= count <= len(terms):
        raise ValueError(f"the demo can make 1 to {len(terms)} terms, not {count}")
    return terms[-count:]


def make_la(
    settings: Settings,
    *,
    schools: int = 60,
    terms: int = 9,
    seed: int = 1,
    progress: Callable[[str], None] = lambda _: None,
    pupils_per_school: float | None = None,
    dirty: bool = True,
    arrived: Callable[[date], None] | None = None,
) -> DemoSummary:
    """Make the LA of a seed into `settings.data_dir`: `landing/`, `reference/` and `demo/planted_faults.csv`.

    `arrived` is called twice a term, as returns come in: on the deadline, when what came in time is there, and some days
    after it, when the late ones are too; a pull on that day (`--on`) then makes schools punctual or late as they were.
    The LA's own files are there before. The same arguments always give the same bytes. `pupils_per_school` is the average number of pupils with SEN on a
    school's register (about 60 unless told); `dirty=False` makes clean returns only. Raises ValueError for more terms
    than the return's specification knows.
    """
    if schools < 1:
        raise ValueError("the demo needs one school at least")
    chosen = demo_terms(settings, terms)
    days = SchoolDays.of(load_calendar(settings))
    made = make_schools(settings.la_code, schools, chosen, Random(f"{seed}:schools"))
    others = make_other_schools(settings.la_code, 900101 + schools + 50)
    first_year, last_year = int(chosen[0].academic_year[:4]), int(chosen[-1].academic_year[:4])
    progress(f"Living the lives of the pupils of {schools} schools")
    years = list(range(first_year - 1, last_year + 1))
    world = live(made, days, settings.la_code, years, Random(f"{seed}:lives"), pupils_per_school, agreeing=not dirty)
    sendings = list(_returns(world, chosen, seed))
    returns = len(sendings)
    progress(f"{len(world.pupils)} pupils; cutting and spoiling {len(sendings)} returns")
    if dirty:
        report_disagreements(sendings, world, chosen[-1].as_at_date)
        sendings = spoil(sendings, others, world, settings.max_file_megabytes, Random(f"{seed}:faults"))
    _clear_last_demo(settings.data_dir)
    written = write_la_files(
        world,
        others,
        settings.reference_dir,
        chosen,
        Random(f"{seed}:la"),
    )
    written += write_release(settings.reference_dir / "ees", settings.la_code, last_year, Random(f"{seed}:release"))
    faults: list[Fault] = []
    for number, term in enumerate(chosen, start=1):
        of_term = [sending for sending in sendings if sending.sent.term is term]
        progress(f"Writing {term.label}: {len(of_term)} files ({number} of {len(chosen)} terms)")
        late = {school.urn for school in made if _is_late(school, term, seed)}
        for is_late, day in ((False, term.deadline), (True, term.deadline + LATE_BY)):
            for sending in of_term:
                if (sending.sent.school.urn in late) == is_late:
                    path, found = _write(sending, settings.data_dir / "landing" / term.term, day)
                    written.append(path)
                    faults += found
            _note_files(settings.data_dir, written)
            if arrived:
                arrived(day)
    planted = settings.data_dir / "demo" / "planted_faults.csv"
    write_planted(faults, planted)
    return DemoSummary(
        schools=schools,
        terms=tuple(term.term for term in chosen),
        pupils=len(world.pupils),
        returns=returns,
        files=len(sendings),
        dirty_files=len({fault.file for fault in faults}),
        faults=len(faults),
        planted_faults=planted,
        rules_planted=frozenset(fault.rule_code for fault in faults),
    )


def _returns(world: World, terms: list[Term], seed: int) -> Iterator[Sending]:
    """Every clean return, term by term, in the order of the schools."""
    stays, namings = world.stays_by_school(), world.namings_by_school()
    consultations = {school.urn: [] for school in world.schools}
    for consultation in world.consultations:
        consultations[consultation.school.urn].append(consultation)
    arrangements = {
        s.urn: make_arrangements(s, terms, world.days, Random(f"{seed}:arrangements:{s.urn}")) for s in world.schools
    }
    for term in terms:
        for position, school in enumerate(world.schools):
            if term.term in school.silent_in:
                continue
            rng = Random(f"{seed}:return:{school.urn}:{term.term}")
            sent: SchoolReturn = cut_return(
                world,
                school,
                stays[school.urn],
                namings[school.urn],
                consultations[school.urn],
                term,
                arrangements[school.urn].get(term.term),
                rng,
            )
            yield Sending(sent, style_of(position, seed))


def _is_late(school: School, term: Term, seed: int) -> bool:
    """Whether all that the school sends of the term comes after the deadline."""
    return Random(f"{seed}:late:{school.urn}:{term.term}").random() < school.traits.chance(0.35, 0.02)


def _write(sending: Sending, folder: Path, by: date) -> tuple[Path, list[Fault]]:
    """Write one file, as if it was saved some days before it came; its path, and the faults that it carries."""
    name, data = sending.write(sending) if sending.write else write_return(sending.sent, sending.style)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if sending.place is not None:
        return path, sending.found(name) if sending.place(path, data) else []
    path.write_bytes(data)
    saved_at = datetime(by.year, by.month, by.day, 9, 30, tzinfo=UTC) - timedelta(
        days=int(sending.sent.school.urn) % 9 + 1
    )
    os.utime(path, (saved_at.timestamp(), saved_at.timestamp()))
    return path, sending.found(name)


def _note_files(data_dir: Path, written: list[Path]) -> None:
    """Write down what the demo made, so that the next one can take it away and nothing else."""
    noted = data_dir / "demo" / MADE_FILES
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.write_text("".join(f"{path.relative_to(data_dir).as_posix()}\n" for path in written), encoding="utf-8")


def _clear_last_demo(data_dir: Path) -> None:
    """Take away the files of the demo that was made here before: another LA's would be among this one's."""
    noted = data_dir / "demo" / MADE_FILES
    if noted.exists():
        for line in noted.read_text(encoding="utf-8").splitlines():
            (data_dir / line).unlink(missing_ok=True)
