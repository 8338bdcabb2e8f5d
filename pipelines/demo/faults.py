"""What is spoilt on purpose, and the record of it: which file, table, row and field breaks which rule.

Planters of single rows and cells are in `row_planters`, those that spoil a file as a whole in `file_planters`; here
they are spread over the returns that there are.
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from pipelines.demo.lives import World
from pipelines.demo.returns import Row, SchoolReturn, Sheet
from pipelines.demo.schools import School
from pipelines.demo.writing import Style

DIRTY_SHARE = 0.1
CORRECTED_SHARE = 0.02


@dataclass(frozen=True)
class Fault:
    """One line of `planted_faults.csv`; row_number and field are None for what is about a file, sheet or column."""

    file: str
    table: str | None
    row_number: int | None
    field: str | None
    rule_code: str


@dataclass
class Sending:
    """A file that will be sent. `write` and `place` stand in for the usual writing where the file itself is spoilt."""

    sent: SchoolReturn
    style: Style
    write: "Callable[[Sending], tuple[str, bytes]] | None" = None
    place: Callable[[Path, bytes], bool] | None = None
    broken: list[tuple[str | None, Row | None, str | None, str]] = field(default_factory=list)

    def found(self, file_name: str) -> list[Fault]:
        """The faults of the file as written, with the numbers of their rows."""
        faults = []
        for table, row, name, code in self.broken:
            number = None if row is None else self.sent.sheet(table).row_number(row)
            faults.append(Fault(file_name, table, number, name, code))
        return faults


@dataclass
class Work:
    """A return that is being spoilt: what of it has been used, so that no two faults meet.

    `last`: the school's return of the term before, where that one is clean and stays so. `has_next`: whether there is one
    of the term after, which looks back on this one. `beside`: for a pupil's number, another school's clean return of the
    term that has the pupil; `held_against`: such returns, which have to stay as they are.
    """

    sending: Sending
    world: World
    rng: Random
    last: SchoolReturn | None = None
    has_next: bool = False
    beside: Callable[[str], int | None] = lambda _: None
    held_against: set[int] = field(default_factory=set)
    used: set = field(default_factory=set)
    planted: int = 0

    @property
    def sent(self) -> SchoolReturn:
        """The return."""
        return self.sending.sent

    def sheet(self, table: str) -> Sheet:
        """A table of the return."""
        return self.sent.sheet(table)

    def report(self, table: str | None, row: Row | None, name: str | None, code: str) -> None:
        """Write down one issue that the file now has."""
        self.sending.broken.append((table, row, name, code))

    def claim(self, *things: object) -> bool:
        """Take things for this fault alone; False where any is taken already."""
        if any(thing in self.used for thing in things):
            return False
        self.used.update(things)
        return True

    def free(self, *things: object) -> bool:
        """Whether nothing of it is taken."""
        return not any(thing in self.used for thing in things)

    @property
    def last_of_year(self) -> SchoolReturn | None:
        """The return of the term before, where that is of the same academic year."""
        if self.last is None or self.last.term.academic_year != self.sent.term.academic_year:
            return None
        return self.last

    def fresh_upn(self) -> str:
        """A valid UPN that nobody has."""
        school = self.sent.school
        return self.world.office.upn(school.la_code, school.number, int(self.sent.term.academic_year[:4]) - 3)

    def children(self, key: str, table: str) -> list[Row]:
        """A pupil's rows in a child table."""
        return [row for row in self.sheet(table).written() if row[0] == key]

    def key_of(self, pupil: Row) -> str:
        """What the child tables carry for a pupil's row: UPN, else ULN."""
        return pupil[0] or pupil[1]

    def pupils(self, **wanted: object) -> Iterable[Row]:
        """Pupils' rows that no fault has used, with these cells (a callable judges the cell)."""
        sheet = self.sheet("pupils")
        for row in sheet.written():
            if not self.free(self.key_of(row)):
                continue
            cells = {name: sheet.cell(row, name) for name in wanted}
            if all(want(cells[name]) if callable(want) else cells[name] == want for name, want in wanted.items()):
                yield row

    def some_pupil(self, suits: Callable[[Row], bool] = lambda _: True, **wanted: object) -> Row | None:
        """One such pupil, taken for this fault; None where there is none."""
        rows = [row for row in self.pupils(**wanted) if suits(row)]
        if not rows:
            return None
        row = self.rng.choice(rows)
        self.claim(self.key_of(row))
        return row

    def some_child(self, table: str, suits: Callable[[Row], bool] = lambda _: True) -> Row | None:
        """A row of a child table whose pupil no fault has used; the pupil is taken."""
        listed = {self.key_of(row) for row in self.pupils()}
        rows = [row for row in self.sheet(table).written() if row[0] in listed and suits(row)]
        if not rows:
            return None
        row = self.rng.choice(rows)
        self.claim(row[0])
        return row

    def set_apart(self, pupil: Row) -> None:
        """A pupil who came off the register, and nothing hangs on the row: a fault of its key has no other effect."""
        key, sheet = self.key_of(pupil), self.sheet("pupils")
        sheet.put(pupil, "sen_provision", "N")
        for table in ("plans", "reviews", "specialists"):
            child = self.sheet(table)
            child.rows = [row for row in child.rows if row is None or row[0] != key]

    def rename(self, old: str, new: str) -> None:
        """The same pupil under another number, in every table."""
        for table in ("pupils", "plans", "reviews", "specialists", "placements", "consultations"):
            for row in self.sheet(table).written():
                if row[0] == old:
                    row[0] = new


@dataclass(frozen=True)
class Planter:
    """Plants the faults of one rule; `plant` gives False, and changes nothing, where the return has no place for it."""

    code: str
    plant: Callable[[Work], bool]


def spoil(
    sendings: list[Sending], others: dict[str, list[School]], world: World, max_megabytes: int, rng: Random
) -> list[Sending]:
    """About a tenth of the returns spoilt, every rule's planter used where there is a place for it, and files besides."""
    from pipelines.demo.file_planters import FileContext, file_planters
    from pipelines.demo.row_planters import row_planters

    order = list(range(len(sendings)))
    rng.shuffle(order)
    context = FileContext(sendings, others, world, max_megabytes, rng, order)
    added: list[Sending] = []
    for planter in file_planters():
        added += planter.plant(context)
    spare = [n for n in order if n not in context.taken]
    works: dict[int, Work] = {}
    looked_back_on: set[int] = set()

    def start(number: int) -> Work:
        before = context.before(number)
        # a return that another one is held against stays as it is
        is_clean = before is not None and before not in works and before not in context.taken
        last = sendings[before].sent if is_clean else None
        work = _start(sendings, number, world, rng, last=last, has_next=context.after_it(number) is not None)
        work.beside = lambda key: next(
            (n for n in context.beside(number, key) if n not in works and n not in context.taken), None
        )
        return work

    def take(number: int, work: Work) -> None:
        works[number] = work
        if work.last is not None:
            looked_back_on.add(context.before(number))
        looked_back_on.update(work.held_against)

    for number in spare:
        if len(works) >= max(1, round(DIRTY_SHARE * len(sendings)) - context.replaced):
            break
        if number not in looked_back_on:
            take(number, start(number))
    for planter in row_planters():
        tried = sorted(works, key=lambda n: works[n].planted)
        planted_in = next((n for n in tried if _plant(planter, works[n])), None)
        if planted_in is not None:
            looked_back_on.update(works[planted_in].held_against)
        else:
            # the returns that are dirty so far have no place for it: one more
            for number in spare:
                if number not in works and number not in looked_back_on:
                    work = start(number)
                    if _plant(planter, work):
                        take(number, work)
                        break
    for number, work in works.items():
        sendings[number] = work.sending
    untouched = [n for n in spare if n not in works and n not in looked_back_on and n not in context.bases]
    for number in untouched[: round(CORRECTED_SHARE * len(sendings))]:
        added.append(_spoil_and_correct(sendings, number, world, rng))
    return [*sendings, *added]


def _spoil_and_correct(sendings: list[Sending], number: int, world: World, rng: Random) -> Sending:
    """Spoil a return, and give the clean file that follows it: its faults are superseded, so none is to be found."""
    from pipelines.demo.row_planters import row_planters

    correction = copied(sendings[number])
    correction.sent.serial = 2
    work = _start(sendings, number, world, rng)
    for planter in rng.sample(row_planters(), 8):
        _plant(planter, work)
    work.sending.broken.clear()
    sendings[number] = work.sending
    return correction


def _plant(planter: Planter, work: Work) -> bool:
    done = planter.plant(work)
    work.planted += done
    return done


def copied(sending: Sending) -> Sending:
    """A copy that can be spoilt while the clean one stays, with the issues that it has already."""
    sent = sending.sent
    rows = {id(row): list(row) for s in sent.sheets for row in s.written()}
    sheets = [
        Sheet(
            s.table,
            list(s.columns),
            [None if row is None else rows[id(row)] for row in s.rows],
            s.title,
            list(s.above),
            s.hidden,
        )
        for s in sent.sheets
    ]
    broken = [(table, None if row is None else rows[id(row)], name, code) for table, row, name, code in sending.broken]
    return Sending(SchoolReturn(sent.school, sent.term, sheets, sent.serial, sent.name), sending.style, broken=broken)


def _start(
    sendings: list[Sending],
    number: int,
    world: World,
    rng: Random,
    last: SchoolReturn | None = None,
    has_next: bool = False,
) -> Work:
    work = Work(copied(sendings[number]), world, rng, last=last, has_next=has_next)
    # of whom the LA says otherwise no fault is planted
    work.used.update(key for _, row, _, _ in work.sending.broken if row is not None for key in row[:2] if key)
    for table in ("pupils", "plans"):
        rows = work.sheet(table).rows
        if len(rows) > 3 and rng.random() < 0.3:
            # a blank row in the middle: it is not received, and it counts
            rows.insert(rng.randrange(1, len(rows)), None)
    return work


def write_planted(faults: list[Fault], path: Path) -> None:
    """Write `planted_faults.csv`, in the order of files, tables, rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted({(f.file, f.table or "", f.row_number or 0, f.field or "", f.rule_code) for f in faults})
    with path.open("w", newline="", encoding="utf-8") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow(["file", "table", "row_number", "field", "rule_code"])
        out.writerows([file, table, number or "", name, code] for file, table, number, name, code in rows)
