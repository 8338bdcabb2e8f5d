"""Planters of what spoils a file as a whole: what cannot be read, whose it is not, what it lacks, what is alike in it."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from pipelines.demo.faults import Sending, copied
from pipelines.demo.lives import World
from pipelines.demo.returns import Sheet
from pipelines.demo.schools import School
from pipelines.demo.writing import Style, Typed, csv_entries, write_return, zip_bytes

# With so many returns some schools can do with a file that is not counted; with fewer, a faulty file is one more.
MANY_RETURNS = 60
SECTOR = 512
NO_STREAM, END_OF_CHAIN, FAT_SECTOR, FREE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


@dataclass
class FileContext:
    """The clean returns in an order of their own, which of them a fault has been given to, and what a planter needs.

    taken: returns that no other fault may touch; bases: those after which faulty files come, and so no healing one.
    """

    sendings: list[Sending]
    others: dict[str, list[School]]
    world: World
    max_megabytes: int
    rng: Random
    order: list[int]
    taken: set[int] = field(default_factory=set)
    bases: list[int] = field(default_factory=list)
    serials: Counter = field(default_factory=Counter)
    replaced: int = 0
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    registers: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def before(self, number: int) -> int | None:
        """The number of the school's return of the term before."""
        return self._terms_away(number, -1)

    def after_it(self, number: int) -> int | None:
        """The number of the school's return of the term after."""
        return self._terms_away(number, 1)

    def beside(self, number: int, key: str) -> list[int]:
        """The numbers of other schools' returns of the term whose register has a pupil."""
        term = self.sendings[number].sent.term
        if term.term not in self.registers:
            self.registers[term.term] = found = {}
            for n, sending in enumerate(self.sendings):
                sheet = sending.sent.sheet("pupils")
                for row in sheet.written() if sending.sent.term is term else ():
                    if sheet.cell(row, "leaving_date") is None and sheet.cell(row, "sen_provision") in ("K", "E"):
                        found.setdefault(row[0], []).append(n)
        return [n for n in self.registers[term.term].get(key, []) if n != number]

    def _terms_away(self, number: int, terms: int) -> int | None:
        if not self.numbers:
            self.numbers = {(s.sent.school.urn, s.sent.term.term): n for n, s in enumerate(self.sendings)}
        calendar = [term.term for term in self.world.days.terms]
        sent = self.sendings[number].sent
        position = calendar.index(sent.term.term) + terms
        return self.numbers.get((sent.school.urn, calendar[position])) if 0 <= position < len(calendar) else None

    def pick(self, suits: Callable[[Sending], bool] = lambda _: True) -> int | None:
        """The number of a return for this fault alone; None where none suits, or half of all are taken."""
        if 2 * len(self.taken) >= len(self.order):
            return None
        free = (n for n in self.order if n not in self.taken and n not in self.bases and suits(self.sendings[n]))
        number = next(free, None)
        if number is not None:
            self.taken.add(number)
        return number

    def after(self, suits: Callable[[Sending], bool] = lambda _: True) -> Sending | None:
        """A copy of a return that comes after it with the next serial; the return itself can still be spoilt."""
        free = [n for n in self.order if n not in self.taken and suits(self.sendings[n])]
        if not free:
            return None
        number = min(free, key=self.bases.count)
        self.bases.append(number)
        extra = copied(self.sendings[number])
        self.serials[number] += 1
        extra.sent.serial = 1 + self.serials[number]
        return extra


@dataclass(frozen=True)
class FilePlanter:
    """Plants one fault of a file; gives the files that come on top, none where one takes the place of a clean one."""

    code: str
    plant: Callable[[FileContext], list[Sending]]


def file_planters() -> list[FilePlanter]:
    """A planter of every way in which a file as a whole goes wrong; a rule with several ways has several."""
    again = [
        ("FIL01", _truncated),
        (
            "FIL02",
            partial(
                _instead,
                data=lambda _: compound_file({"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b"\x17" * 6000}),
            ),
        ),
        ("FIL02", _encrypted_entry),
        ("FIL03", _too_large),
        (
            "FIL04",
            partial(
                _instead, data=lambda _: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"
            ),
        ),
        (
            "FIL04",
            partial(_instead, data=lambda _: b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n"),
        ),
        ("FIL04", partial(_instead, data=lambda _: compound_file({"Workbook": b"\x09\x08\x10\x00" + b"\0" * 5000}))),
        ("FIL04", partial(_instead, data=lambda _: b"\x89PNG\r\n\x1a\n" + b"\0" * 64)),
        ("FIL04", _utf16_without_mark),
        ("FIL05", _unsafe_path),
        ("FIL05", _zip_in_zip),
        ("FIL11", _unknown_specification),
        ("FIL13", partial(_instead, data=lambda _: b"")),
    ]
    return [
        FilePlanter("RET04", partial(_alike, code="RET04", change=_all_yes, rows="plans")),
        FilePlanter("RET05", partial(_alike, code="RET05", change=_all_by_teachers, rows="reviews")),
        FilePlanter("RET06", partial(_alike, code="RET06", change=_all_on_one_day, rows="reviews")),
        FilePlanter("RET09", _copy_of_last_term),
        FilePlanter("FIL06", _same_bytes),
        FilePlanter("FIL12", _misnamed),
        FilePlanter("RET02", _no_pupils),
        *(FilePlanter(code, partial(_lacking, code=code, spoil=spoil)) for code, spoil in LACKING.items()),
        FilePlanter("FIL14", _held),
        *(FilePlanter(code, partial(_sent_again, code=code, write=write)) for code, write in again),
        FilePlanter("FIL07", _two_schools),
        FilePlanter("FIL08", partial(_of_another, code="FIL08", kind="closed")),
        FilePlanter("FIL09", partial(_of_another, code="FIL09", kind="elsewhere")),
        FilePlanter("FIL10", _without_place),
        FilePlanter("FIL15", _link),
        FilePlanter("FIL16", _not_readable),
    ]


def _about_the_file(code: str) -> list[tuple]:
    return [("files", None, None, code)]


def _sent_again(context: FileContext, code: str, write: Callable) -> list[Sending]:
    """One more file of a school and term that is not counted: the first stays current."""
    again = context.after()
    if again is None:
        return []
    again.broken = _about_the_file(code)
    again.write = partial(write, context=context) if write in (_too_large,) else write
    return [again]


def _ending(sending: Sending) -> str:
    return "xlsx" if sending.style.form == "xlsx" else "zip"


def _instead(sending: Sending, data: Callable[[Sending], bytes]) -> tuple[str, bytes]:
    return f"{sending.sent.stem}.{_ending(sending)}", data(sending)


def _truncated(sending: Sending) -> tuple[str, bytes]:
    name, data = write_return(sending.sent, sending.style)
    return name, data[: len(data) * 3 // 5]


def _entries(sending: Sending) -> list[tuple[str, bytes]]:
    style = Style(form="zip", dates="iso")
    return csv_entries(sending.sent.sheets, style, sending.sent.stem)


def _as_zip(sending: Sending, entries: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    return f"{sending.sent.stem}.zip", zip_bytes(entries)


def _encrypted_entry(sending: Sending) -> tuple[str, bytes]:
    """A ZIP whose directory says that its first entry is encrypted."""
    name, data = _as_zip(sending, _entries(sending))
    changed = bytearray(data)
    changed[6] |= 1
    changed[data.index(b"PK\x01\x02") + 8] |= 1
    return name, bytes(changed)


def _too_large(sending: Sending, context: FileContext) -> tuple[str, bytes]:
    """A ZIP of a few kilobytes that inflates to more than the limit."""
    entries = [(name, data) for name, data in _entries(sending) if not name.startswith("pupils")]
    return _as_zip(sending, [*entries, ("pupils.csv", b"upn\n" + bytes(context.max_megabytes << 20) + b"\n")])


def _utf16_without_mark(sending: Sending) -> tuple[str, bytes]:
    entries = [(name, data.decode("utf-8-sig").encode("utf-16-le")) for name, data in _entries(sending)]
    return _as_zip(sending, entries)


def _unsafe_path(sending: Sending) -> tuple[str, bytes]:
    return _as_zip(sending, [*_entries(sending), ("../../pupils.csv", b"upn\n")])


def _zip_in_zip(sending: Sending) -> tuple[str, bytes]:
    return _as_zip(sending, [(f"{sending.sent.stem}.zip", zip_bytes(_entries(sending)))])


def _same_bytes(context: FileContext) -> list[Sending]:
    """A clean file once more, under the next serial."""
    number = context.pick()
    if number is None:
        return []
    again = copied(context.sendings[number])
    again.broken = _about_the_file("FIL06")
    again.write = _under_the_next_serial
    return [again]


def _under_the_next_serial(sending: Sending) -> tuple[str, bytes]:
    name, data = write_return(sending.sent, sending.style)
    return name.replace("_01.", "_02."), data


def _unknown_specification(sending: Sending) -> tuple[str, bytes]:
    sheet = sending.sent.sheet("return")
    sheet.put(sheet.rows[0], "specification", Typed("2.0"))
    return write_return(sending.sent, sending.style)


def _replace_or_add(context: FileContext, number: int, spoilt: Sending) -> list[Sending]:
    """Among many returns the spoilt one takes the clean one's place; among few it comes after it."""
    if len(context.sendings) < MANY_RETURNS:
        spoilt.sent.serial = 2
        context.sendings[number].broken.clear()  # it is superseded
        return [spoilt]
    context.sendings[number] = spoilt
    context.replaced += 1
    return []


def _lacking(context: FileContext, code: str, spoil: Callable[[Sending], None]) -> list[Sending]:
    def suits(sending: Sending) -> bool:
        return bool(sending.sent.sheet("pupils").rows)

    if len(context.sendings) < MANY_RETURNS and code != "SHT02":
        extra = context.after(suits)
        if extra is None:
            return []
        spoil(extra)
        return [extra]
    number = context.pick(suits)
    if number is None:
        return []
    spoilt = copied(context.sendings[number])
    spoil(spoilt)
    return _replace_or_add(context, number, spoilt)


def _without_specialists(sending: Sending) -> None:
    sending.sent.sheets = [sheet for sheet in sending.sent.sheets if sheet.table != "specialists"]
    sending.broken = [("specialists", None, None, "SHT01")]


def _with_notes(sending: Sending) -> None:
    notes = Sheet("", [Typed("Note")], [[Typed("Two pupils are being assessed.")]], title="Notes")
    sending.sent.sheets = [*sending.sent.sheets, notes]
    sending.broken.append(("sheets", None, None, "SHT02"))


def _with_a_title(sending: Sending) -> None:
    sending.sent.sheet("pupils").above = [["Pupils on the SEN register"], []]
    sending.broken = [("pupils", None, None, "SHT03")]


def _with_two_return_rows(sending: Sending) -> None:
    sheet = sending.sent.sheet("return")
    sheet.rows.append(list(sheet.rows[0]))
    sending.broken = [("return", None, None, "SHT04")]


def _with_pupils_twice(sending: Sending) -> None:
    sheet = sending.sent.sheet("pupils")
    second = Sheet("pupils", list(sheet.columns), [list(sheet.written()[0])], title="Pu pils")
    sending.sent.sheets = [*sending.sent.sheets, second]
    sending.broken = [("pupils", None, None, "SHT07")]


def _without_below_peers(sending: Sending) -> None:
    sheet = sending.sent.sheet("pupils")
    position = sheet.columns.index("below_peers")
    sheet.columns.pop(position)
    for row in sheet.written():
        row.pop(position)
    sending.broken = [("pupils", None, "below_peers", "COL01")]


LACKING: dict[str, Callable[[Sending], None]] = {
    "SHT01": _without_specialists,
    "SHT02": _with_notes,
    "SHT03": _with_a_title,
    "SHT04": _with_two_return_rows,
    "SHT07": _with_pupils_twice,
    "COL01": _without_below_peers,
}


def _no_pupils(context: FileContext) -> list[Sending]:
    """Not a nil return, and no pupil in it; it takes the clean one's place, as after it it would be held."""
    number = context.pick(lambda s: 0 < len(s.sent.sheet("pupils").rows) <= 60)
    if number is None:
        return []
    spoilt = copied(context.sendings[number])
    for table in ("pupils", "plans", "reviews", "specialists"):
        spoilt.sent.sheet(table).rows.clear()
    row = spoilt.sent.sheet("return").rows[0]
    spoilt.broken = [issue for issue in spoilt.broken if issue[3] == "PLC04"]
    spoilt.broken.append(("return", row, "nil_return", "RET02"))
    context.sendings[number] = spoilt
    context.replaced += 1
    return []


def _held(context: FileContext) -> list[Sending]:
    """A second file that has lost two thirds of its pupils."""
    again = context.after(lambda s: 6 <= len(s.sent.sheet("pupils").rows) <= 30)
    again = again or context.after(lambda s: len(s.sent.sheet("pupils").rows) >= 3)
    if again is None:
        return []
    pupils = again.sent.sheet("pupils")
    pupils.rows = pupils.rows[: max(1, len(pupils.rows) // 3)]
    kept = {row[0] or row[1] for row in pupils.rows}
    for table in ("plans", "reviews", "specialists"):
        sheet = again.sent.sheet(table)
        sheet.rows = [row for row in sheet.rows if row[0] in kept]
    again.broken = _about_the_file("FIL14")
    return [again]


def _alike(context: FileContext, code: str, change: Callable[[Sending], None], rows: str) -> list[Sending]:
    def suits(sending: Sending) -> bool:
        keys = {row[0] for row in sending.sent.sheet(rows).rows}
        # next term's return of the year would look for the reviews as they are dated here
        if code == "RET06" and sending.sent.term.name != "summer":
            return False
        return len(sending.sent.sheet("pupils").rows) > 10 and len(keys) > 14

    number = context.pick(suits)
    if number is None:
        return []
    spoilt = copied(context.sendings[number])
    change(spoilt)
    spoilt.broken.append(("return", spoilt.sent.sheet("return").rows[0], "nil_return", code))
    # it takes the clean one's place: with one review a pupil it would be held after it
    context.sendings[number] = spoilt
    context.replaced += 1
    return []


def _all_yes(sending: Sending) -> None:
    plans = sending.sent.sheet("plans")
    for row in plans.rows:
        for name in ("complete", "targets_measurable", "staff_trained", "teacher_responsible", "parents_agreed"):
            plans.put(row, name, "Y")


def _all_by_teachers(sending: Sending) -> None:
    reviews = sending.sent.sheet("reviews")
    for row in reviews.rows:
        reviews.put(row, "led_by", "TEACHER")
        reviews.put(row, "parents_part", "TOOK_PART")
    # not also every review on one day, nor every plan alike: those are faults of their own


def _all_on_one_day(sending: Sending) -> None:
    reviews = sending.sent.sheet("reviews")
    day = max(row[2] for row in reviews.rows)
    first_of_each: dict[str, list] = {}
    for row in reviews.rows:
        if row[1] <= day:
            first_of_each.setdefault(row[0], row)
    reviews.rows = list(first_of_each.values())
    step, copy = reviews.columns.index("next_step"), reviews.columns.index("copy_to_parents_date")
    for row in reviews.rows:
        row[2], row[copy] = day, None
        row[step] = "CONTINUE" if row[step] == "INVOLVE_SPECIALIST" else row[step]


def _copy_of_last_term(context: FileContext) -> list[Sending]:
    """Last term's pupils, plans, reviews and referrals once more, where nothing else follows from it."""
    number = context.pick(lambda s: _is_as_last_term(context, s))
    if number is None:
        return []
    before = context.before(number)
    context.taken.add(before)
    spoilt = copied(context.sendings[number])
    last = copied(context.sendings[before]).sent
    for table in COPIED:
        spoilt.sent.sheet(table).rows = last.sheet(table).rows
    spoilt.broken = [("return", spoilt.sent.sheet("return").rows[0], "nil_return", "RET09")]
    context.sendings[number] = spoilt
    context.replaced += 1
    return []


COPIED = ("pupils", "plans", "reviews", "specialists")


def _is_as_last_term(context: FileContext, sending: Sending) -> bool:
    """Whether the pupils with an EHC plan are last term's, in the same academic year, and nobody has left meanwhile.

    And whom the placements name: one who is reviewed since is in them no longer, and the copy would not say of the review.
    """
    number = next(n for n, other in enumerate(context.sendings) if other is sending)
    before = context.before(number)
    if before is None or before in context.taken:
        return False
    if sending.broken:
        return False
    now, last = sending.sent, context.sendings[before].sent
    if now.term.academic_year != last.term.academic_year or sum(len(last.sheet(t).rows) for t in COPIED) <= 10:
        return False
    provision, leaving = (now.sheet("pupils").columns.index(name) for name in ("sen_provision", "leaving_date"))
    plans = [{(r[0], r[1]) for r in s.sheet("pupils").rows if r[provision] == "E"} for s in (now, last)]
    left = [{(r[0], r[1]) for r in s.sheet("pupils").rows if r[leaving]} for s in (now, last)]
    placed = [{row[0] for row in s.sheet("placements").rows} for s in (now, last)]
    return plans[0] == plans[1] and left[0] == left[1] and placed[0] >= placed[1]


def _misnamed(context: FileContext) -> list[Sending]:
    """A file that another school's LAESTAB names; what it says inside counts."""
    number = context.pick()
    if number is None:
        return []
    spoilt = copied(context.sendings[number])
    others = [school for school in context.world.schools if school is not spoilt.sent.school]
    if not others:
        return []
    term = spoilt.sent.term
    spoilt.sent.name = f"{context.rng.choice(others).laestab}_{term.academic_year}_{term.name}_09"
    spoilt.broken += _about_the_file("FIL12")
    context.sendings[number] = spoilt
    context.replaced += 1
    return []


def _two_schools(context: FileContext) -> list[Sending]:
    """A return with the URN of another school of the LA beside its own LAESTAB."""
    extra = context.after()
    if extra is None:
        return []
    others = [school for school in context.world.schools if school is not extra.sent.school]
    sheet = extra.sent.sheet("return")
    sheet.put(sheet.rows[0], "urn", others[0].urn if others else "999999")
    extra.broken = _about_the_file("FIL07")
    return [extra]


def _of_another(context: FileContext, code: str, kind: str) -> list[Sending]:
    """A return of a school that has closed, or of another LA's."""
    extra = context.after(lambda s: s.sent.school.kind == "primary") or context.after()
    if extra is None:
        return []
    extra.sent.school = school = context.others[kind][0]
    sheet = extra.sent.sheet("return")
    sheet.put(sheet.rows[0], "laestab", school.laestab)
    sheet.put(sheet.rows[0], "urn", school.urn)
    extra.broken = _about_the_file(code)
    return [extra]


def _without_place(context: FileContext) -> list[Sending]:
    """A file that says neither inside nor in its name whose it is."""
    extra = context.after()
    if extra is None:
        return []
    extra.sent.sheets = [s for s in extra.sent.sheets if s.table != "return"]
    extra.sent.name = "SEN return from us"
    extra.broken = _about_the_file("FIL10")
    return [extra]


def _link(context: FileContext) -> list[Sending]:
    extra = context.after()
    if extra is None:
        return []
    extra.sent.name = "shortcut to our SEN return"
    extra.broken = _about_the_file("FIL15")
    extra.place = _place_link
    return [extra]


def _place_link(path: Path, data: bytes) -> bool:
    target = path.parents[2] / "demo" / f"behind a link{path.suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    try:
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(target, path.parent))
    except OSError:  # some systems let only administrators make links
        return False
    return True


def _not_readable(context: FileContext) -> list[Sending]:
    extra = context.after()
    if extra is None:
        return []
    extra.broken = _about_the_file("FIL16")
    extra.place = _place_unreadable
    return [extra]


def _place_unreadable(path: Path, data: bytes) -> bool:
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(0)
    if os.access(path, os.R_OK):  # to an administrator, and on Windows, nothing is closed
        path.unlink()
        return False
    return True


def compound_file(streams: dict[str, bytes]) -> bytes:
    """A minimal OLE compound file (what old and encrypted workbooks are) of at most two streams.

    Source: [MS-CFB], version 3: 512-byte sectors, the first the allocation table, the second the directory.
    """
    table = [FAT_SECTOR, END_OF_CHAIN]
    body, starts = b"", []
    padded = [data.ljust(4096, b"\0") for data in streams.values()]  # shorter ones would go into a mini stream
    for data in padded:
        sectors = -(-len(data) // SECTOR)
        starts.append(len(table))
        table += [len(table) + n + 1 for n in range(sectors - 1)] + [END_OF_CHAIN]
        body += data.ljust(sectors * SECTOR, b"\0")
    table += [FREE] * (SECTOR // 4 - len(table))
    last = len(streams)
    entries = _directory_entry("Root Entry", 5, child=last, start=END_OF_CHAIN, size=0)
    for position, (name, data, start) in enumerate(zip(streams, padded, starts, strict=True), start=1):
        left = position - 1 if position == last and position > 1 else NO_STREAM
        entries += _directory_entry(name, 2, left=left, start=start, size=len(data))
    entries = entries.ljust(SECTOR, b"\0")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += b"".join(n.to_bytes(2, "little") for n in (0x3E, 3, 0xFFFE, 9, 6)) + bytes(6)
    numbers = (0, 1, 1, 0, 4096, END_OF_CHAIN, 0, END_OF_CHAIN, 0, 0)
    header += b"".join(n.to_bytes(4, "little") for n in numbers) + b"\xff" * (4 * 108)
    return header + b"".join(n.to_bytes(4, "little") for n in table) + entries + body


def _directory_entry(
    name: str, kind: int, *, start: int, size: int, left: int = NO_STREAM, child: int = NO_STREAM
) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    return (
        encoded.ljust(64, b"\0")
        + len(encoded).to_bytes(2, "little")
        + bytes([kind, 1])
        + b"".join(n.to_bytes(4, "little") for n in (left, NO_STREAM, child))
        + bytes(36)
        + start.to_bytes(4, "little")
        + size.to_bytes(8, "little")
    )
