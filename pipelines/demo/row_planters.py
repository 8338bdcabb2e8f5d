"""One planter for every rule about a row or a cell, a table of them: what is spoilt, and every issue that it causes."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from expectations.contracts import Field, Table, load_contract
from pipelines.demo.faults import Planter, Work
from pipelines.demo.identifiers import with_check_letter, with_wrong_letter
from pipelines.demo.returns import Row, SchoolReturn, Sheet
from pipelines.demo.writing import ErrorCell, FormulaCell, Typed

ELSEWHERE = ("consultations", "placements")
# A blank specification is refused as unknown (FIL11) before any rule about the cell can run.
OUT_OF_REACH = ("RET.specification.required",)
ENDINGS = {"date": "date", "code": "code", "yes_no": "code", "count": "number", "pounds": "number"}
UNTYPED: dict[str, tuple[object, ...]] = {
    "date": (
        Typed("soon"),
        Typed("31/02/2025"),
        Typed("02/10/25"),
        Typed("45922"),
        Typed("02.10.2025"),
        ErrorCell("#N/A"),
        FormulaCell("=TODAY()"),
    ),
    "code": (
        Typed("ZZ"),
        Typed("see notes"),
        ErrorCell("#REF!"),
        Typed("=cmd|' /C calc'!A0"),
        FormulaCell("=VLOOKUP(A2,Lists!A:B,2)"),
    ),
    "yes_no": (Typed("maybe"), Typed("?"), ErrorCell("#N/A"), Typed("2")),
    "count": (Typed("-3"), Typed("2.5"), Typed("several"), Typed("1e1")),
    "pounds": (Typed("nan"), Typed("-£200"), Typed("about 9,000")),
    "url": (Typed("www.school.example/send"), Typed("on our website")),
    "urn": (Typed("12AB56"), Typed("90010")),
    "academic_year": (Typed("2025/26"),),
}


def row_planters() -> list[Planter]:
    """Planters of the contract's own rules and of the written ones; the hardest to place come first."""
    return [*(Planter(code, plant) for code, plant in WRITTEN.items()), *_generated()]


def _generated() -> list[Planter]:
    planters, turn = [], 0
    for table in load_contract("1.0").tables.values():
        for f in table.fields.values():
            kinds = [("required", None)] if f.required else []
            kinds.append((ENDINGS.get(f.type, "text"), None))
            if f.window:
                kinds.append(("window", None))
            for kind, _ in kinds:
                turn += 1
                code = f"{table.prefix}.{f.name}.{kind}"
                if code not in OUT_OF_REACH:
                    planters.append(Planter(code, partial(_cell, table=table, f=f, kind=kind, turn=turn)))
        planters.append(Planter(f"{table.prefix}.row.surplus", partial(_surplus, table=table)))
    return planters


def _unseen(work: Work, text: str) -> Typed:
    """The text with a character in it that cannot be seen; a zero-width space where the encoding has it."""
    mark = "\x1f" if work.sending.style.encoding == "cp1252" else "\u200b"
    return Typed(f"{text[:3]}{mark}{text[3:]}")


def _spoilt_value(work: Work, f: Field, kind: str, turn: int, value: object) -> object:
    if kind == "required":
        return None
    if kind == "window":
        as_at = work.sent.term.as_at_date
        late = as_at + timedelta(days=1 if f.window == "event" else 3 * 366)
        return (date(1985, 5, 17), late)[turn % 2]
    # a URN of the return that is no URN at all is no school's (FIL07)
    if f.type in UNTYPED and not (f.type == "urn" and f.required):
        choices = UNTYPED[f.type]
        return choices[turn % len(choices)]
    return _unseen(work, str(value) if value is not None else "8001234567")


def _row_for(work: Work, table: Table, f: Field | None) -> Row | None:
    """A row whose cell can be spoilt without any other rule being broken."""
    sheet = work.sheet(table.name)
    if table.one_row:
        name = f.name if f else "row"
        rows = sheet.written()
        return rows[0] if len(rows) == 1 and work.claim((table.name, name)) else None
    identifies = f is None or f.name in (*table.key, "planned_date")
    if table.name == "pupils":
        if f is not None and f.name == "upn":
            pupil = work.some_pupil(suits=lambda row: row[0] and not _named(work, row), sen_provision="K")
            if pupil:
                work.set_apart(pupil)
            return pupil
        return work.some_pupil(suits=lambda row: bool(row[0]), sen_provision="K", leaving_date=None)
    if table.name == "plans" and identifies:
        return _extra_plan(work)
    if table.name == "reviews":
        step = sheet.columns.index("next_step")
        return work.some_child("reviews", lambda row: row[step] != "INVOLVE_SPECIALIST")
    if table.name == "specialists":
        return _extra_referral(work)
    if table.name in ELSEWHERE:
        return _extra_elsewhere(work, table.name)
    return work.some_child(table.name)


def _named(work: Work, pupil: Row) -> bool:
    key = work.key_of(pupil)
    return any(work.children(key, table) for table in ELSEWHERE)


def _cell(work: Work, table: Table, f: Field, kind: str, turn: int) -> bool:
    row = _row_for(work, table, f)
    if row is None:
        return False
    sheet = work.sheet(table.name)
    sheet.put(row, f.name, _spoilt_value(work, f, kind, turn, sheet.cell(row, f.name)))
    work.report(table.name, row, f.name, f"{table.prefix}.{f.name}.{kind}")
    if table.name == "placements" and f.name not in table.key:
        work.report("placements", row, "upn", "PLC04")
    return True


def _surplus(work: Work, table: Table) -> bool:
    sheet = work.sheet(table.name)
    row = _row_for(work, table, None)
    if row is None or len(row) != len(sheet.columns):
        return False
    row.append(Typed("see note"))
    work.report(table.name, row, None, f"{table.prefix}.row.surplus")
    return True


def _extra_plan(work: Work) -> Row | None:
    """One more plan of a pupil, long ended, on which no review hangs."""
    sheet = work.sheet("plans")
    found = work.some_child("plans", lambda row: row[1] > date(1995, 1, 1))
    if found is None:
        return None
    row = list(found[: len(sheet.columns)])
    planned = min(plan[1] for plan in work.children(found[0], "plans")) - timedelta(days=200)
    dates = {"planned_date": 0, "assessed_date": -5, "review_due_date": 80, "ended_date": 90}
    for name, days in dates.items():
        sheet.put(row, name, planned + timedelta(days=days))
    sheet.rows.append(row)
    return row


def _extra_referral(work: Work) -> Row | None:
    """One more referral, of a pupil of whose reviews none asks for one."""
    sheet, step = work.sheet("specialists"), work.sheet("reviews").columns.index("next_step")

    def suits(pupil: Row) -> bool:
        reviews = work.children(work.key_of(pupil), "reviews")
        return all(review[step] != "INVOLVE_SPECIALIST" for review in reviews)

    pupil = work.some_pupil(suits, sen_provision="K", leaving_date=None)
    if pupil is None:
        return None
    as_at = work.sent.term.as_at_date
    row = [
        work.key_of(pupil),
        "OTHER",
        as_at - timedelta(days=61),
        as_at - timedelta(days=40),
        as_at - timedelta(days=30),
        None,
        "ACTIVE",
    ]
    sheet.rows.append(row)
    return row


def _extra_elsewhere(work: Work, table: str) -> Row:
    """A consultation or a placement of a pupil who is not on the register."""
    as_at = work.sent.term.as_at_date
    if table == "consultations":
        row = [work.fresh_upn(), as_at - timedelta(days=50), as_at - timedelta(days=41)]
    else:
        row = [
            work.fresh_upn(),
            as_at - timedelta(days=60),
            as_at - timedelta(days=20),
            as_at - timedelta(days=20),
            None,
        ]
    work.sheet(table).rows.append(row)
    return row


# Written rules. Each planter takes the rows that it needs, spoils them, and reports every issue.


def _same_key_twice(work: Work, table: str, code: str, name: str) -> bool:
    """Every row of a repeated key has the issue."""
    if table in ELSEWHERE:
        row = _extra_elsewhere(work, table)
    elif table == "plans":
        row = _extra_plan(work)
    elif table == "specialists":
        row = _extra_referral(work)
    else:
        row = _row_for(work, load_contract("1.0").tables[table], None)
    if row is None:
        return False
    twin = list(row)
    work.sheet(table).rows.append(twin)
    for each in (row, twin):
        work.report(table, each, name, code)
    return True


def _orphan(work: Work, table: str, code: str) -> bool:
    """A row of a pupil who is not in the return."""
    if not work.claim(f"rule {code}"):
        return False
    if table == "plans":
        row = next((r for r in work.sheet("plans").written() if work.free(r[0])), None)
    elif table == "reviews":
        step = work.sheet("reviews").columns.index("next_step")
        row = next((r for r in work.sheet("reviews").written() if r[step] == "CONTINUE" and work.free(r[0])), None)
    else:
        row = _extra_referral(work)
        if row is not None:
            work.sheet(table).rows.pop()
    if row is None or not all(isinstance(cell, (str, date, type(None))) for cell in row):
        return False
    row = list(row)
    if any(isinstance(cell, (Typed, ErrorCell, FormulaCell)) for cell in row) or not isinstance(row[1], (str, date)):
        return False
    row[0] = work.fresh_upn()
    work.sheet(table).rows.append(row)
    work.report(table, row, "upn", code)
    return True


def _change(work: Work, table: str, row: Row | None, code: str, **cells: object) -> bool:
    """Put cells into a row; the first is the one that the issue names."""
    if row is None:
        return False
    for name, value in cells.items():
        work.sheet(table).put(row, name, value)
    work.report(table, row, next(iter(cells)), code)
    return True


def _rekey(work: Work, code: str, make: Callable[[str], str]) -> bool:
    """A pupil's UPN is spoilt in every table alike: what hangs on the row depends on it, and raises nothing."""
    pupil = work.some_pupil(
        lambda row: bool(row[0]) and row[0][-1].isdigit() and not _named(work, row),
        former_upn=None,
        sen_provision="K",
    )
    if pupil is None:
        return False
    wrong = make(pupil[0])
    work.rename(pupil[0], wrong)
    work.claim(wrong)
    work.report("pupils", pupil, "upn", code)
    return True


def _pup05(work: Work) -> bool:
    pupil = work.some_pupil(
        lambda row: not _named(work, row), year_group=lambda g: g in ("12", "13", "14"), sen_provision="K"
    )
    if pupil is None:
        return False
    work.set_apart(pupil)
    wrong = _wrong_uln(pupil[1] or "1040000370")
    work.sheet("pupils").put(pupil, "upn", None)
    work.claim(wrong)
    return _change(work, "pupils", pupil, "PUP05", uln=wrong, former_upn=None)


def _wrong_uln(uln: str) -> str:
    return uln[:9] + str((int(uln[9]) + 3) % 10)


def _pup06(work: Work) -> bool:
    pupil = work.some_pupil(lambda row: not _named(work, row), former_upn=None, sen_provision="K")
    if pupil is None:
        return False
    work.set_apart(pupil)
    return _change(work, "pupils", pupil, "PUP06", upn=None, uln=None)


def _pup10(work: Work) -> bool:
    wrong = {"primary": "9", "secondary": "3", "post16": "5", "nursery": "8"}.get(work.sent.school.kind)
    pupil = work.some_pupil() if wrong else None
    return _change(work, "pupils", pupil, "PUP10", year_group=wrong)


def _pup11(work: Work) -> bool:
    pupil = work.some_pupil(lambda row: len(row) == len(work.sheet("pupils").columns))
    if pupil is None:
        return False
    twin = list(pupil)
    work.sheet("pupils").rows.append(twin)
    for each in (pupil, twin):
        work.report("pupils", each, "upn", "PUP11")
    return True


def _pup12(work: Work) -> bool:
    sheet = work.sheet("pupils")

    def suits(row: Row) -> bool:
        return sheet.cell(row, "sen_start_date") < sheet.cell(row, "entry_date") - timedelta(days=30)

    pupil = work.some_pupil(suits, leaving_date=None)
    if pupil is None:
        return False
    leaving = sheet.cell(pupil, "entry_date") - timedelta(days=10)
    return _change(work, "pupils", pupil, "PUP12", leaving_date=leaving)


def _pup13(work: Work) -> bool:
    sheet = work.sheet("pupils")

    def suits(row: Row) -> bool:
        return sheet.cell(row, "sen_start_date") > sheet.cell(row, "entry_date") + timedelta(days=30)

    pupil = work.some_pupil(suits, leaving_date=None)
    if pupil is None:
        return False
    # the SEN start date stays as it was in last term's return
    sheet.put(pupil, "leaving_date", sheet.cell(pupil, "sen_start_date") - timedelta(days=10))
    work.report("pupils", pupil, "sen_start_date", "PUP13")
    return True


def _pupil_of_last_term(work: Work, unless_next: bool, **wanted: object) -> Row | None:
    """A pupil's row who was in last term's return with these cells too.

    unless_next: none where next term's return would be held against the changed cell.
    """
    if work.last is None or (unless_next and work.has_next):
        return None
    before = work.last.sheet("pupils")
    known = {row[0] for row in before.rows if all(before.cell(row, name) == cell for name, cell in wanted.items())}
    return work.some_pupil(lambda row: bool(row[0]) and row[0] in known, **wanted)


def _pup19(work: Work) -> bool:
    pupil = _pupil_of_last_term(work, False, sen_provision="E", leaving_date=None)
    if pupil is None:
        return False
    work.report("pupils", pupil, "sen_provision", "PUP24")  # the LA's plan is still there
    return _change(work, "pupils", pupil, "PUP19", sen_provision="K")


def _pup20(work: Work) -> bool:
    pupil = _pupil_of_last_term(work, True, sen_provision="K", leaving_date=None)
    if pupil is None:
        return False
    start = work.sheet("pupils").cell(pupil, "sen_start_date") - timedelta(days=21)
    return _change(work, "pupils", pupil, "PUP20", sen_start_date=start)


def _pup21(work: Work) -> bool:
    pupil = _pupil_of_last_term(work, True, sen_provision="K", leaving_date=None)
    if pupil is None:
        return False
    return _change(work, "pupils", pupil, "PUP21", sex="F" if work.sheet("pupils").cell(pupil, "sex") == "M" else "M")


def _pup22(work: Work) -> bool:
    """Somebody who came and left has the number that last term's return gave as another pupil's former one."""
    pupil = _pupil_of_last_term(work, False, sen_provision="K", leaving_date=None, former_upn=None)
    if pupil is None:
        return False
    before = work.last.sheet("pupils")
    number = work.fresh_upn()
    before.put(next(row for row in before.rows if row[0] == pupil[0]), "former_upn", number)
    sheet, other = work.sheet("pupils"), list(pupil)
    sheet.rows.append(other)
    cells = {"uln": None, "former_upn": None, "sen_provision": "N", "leaving_date": work.sent.term.as_at_date}
    for name, cell in cells.items():
        sheet.put(other, name, cell)
    return _change(work, "pupils", other, "PUP22", upn=number)


def _pup25(work: Work) -> bool:
    """One of a pupil's two schools says that it is the only one."""
    pupil = work.some_pupil(
        lambda row: bool(row[0]) and work.beside(row[0]) is not None,
        enrolment=lambda code: code in ("M", "S"),
        leaving_date=None,
    )
    if pupil is None:
        return False
    work.held_against.add(work.beside(pupil[0]))
    return _change(work, "pupils", pupil, "PUP25", enrolment="C")


def _forget(work: Work, key: str, tables: tuple[str, ...]) -> None:
    for table in tables:
        sheet = work.sheet(table)
        sheet.rows = [row for row in sheet.rows if row is None or row[0] != key]


def _exp01(work: Work) -> bool:
    pupil = _pupil_of_last_term(work, False, sen_provision="K", leaving_date=None)
    if pupil is None:
        return False
    _forget(work, pupil[0], ("pupils", "plans", "reviews", "specialists"))
    work.report("pupils", None, None, "EXP01")
    return True


def _take_away(work: Work, table: str, code: str, suits: Callable[[Row], bool]) -> bool:
    """A row of a pupil that last term's return of the year had is not there any more."""
    if work.last_of_year is None:
        return False
    had = {tuple(row[:3]) if table == "reviews" else tuple(row[:2]) for row in work.last_of_year.sheet(table).rows}
    row = work.some_child(table, lambda r: tuple(r[: 3 if table == "reviews" else 2]) in had and suits(r))
    if row is None:
        return False
    sheet = work.sheet(table)
    sheet.rows = [other for other in sheet.rows if other is not row]
    work.report(table, None, None, code)
    return True


def _exp02(work: Work) -> bool:
    def suits(row: Row) -> bool:
        reviewed = any(review[1] == row[1] for review in work.children(row[0], "reviews"))
        return not reviewed and len(work.children(row[0], "plans")) > 1

    return _take_away(work, "plans", "EXP02", suits)


def _ret07(work: Work) -> bool:
    """So many come off the register that half are left."""
    if work.last is None or work.has_next or not work.free("register"):
        return False
    sheet = work.sheet("pupils")
    now, before = _on_register(work.sheet("pupils"), work.sent), _on_register(work.last.sheet("pupils"), work.last)
    off = [row for row in now if sheet.cell(row, "sen_provision") == "K" and work.free(work.key_of(row))]
    too_many = max(0, len(now) - len(before) // 2)
    if len(before) <= 10 or too_many > len(off) or not work.claim("register"):
        return False
    for row in off[:too_many]:
        sheet.put(row, "sen_provision", "N")
        work.claim(work.key_of(row))
    work.report("return", work.sheet("return").rows[0], "nil_return", "RET07")
    return True


def _ret08(work: Work) -> bool:
    """So many more are on the register that it has half as many again, each with a plan."""
    if work.last is None or work.has_next or not work.free("register"):
        return False
    sheet, plans = work.sheet("pupils"), work.sheet("plans")
    now, before = _on_register(work.sheet("pupils"), work.sent), _on_register(work.last.sheet("pupils"), work.last)
    like = next(
        (r for r in now if r[0] and sheet.cell(r, "sen_provision") == "K" and work.children(r[0], "plans")), None
    )
    if not 8 <= len(before) <= 60 or like is None or not work.claim("register"):
        return False
    # some more than that: other faults may take a pupil off the register
    for _ in range(max(0, len(before) * 3 // 2 + 12 - len(now))):
        plan, pupil = list(work.children(like[0], "plans")[0]), list(like)
        pupil[0] = plan[0] = work.fresh_upn()
        pupil[1] = pupil[2] = None
        sheet.rows.append(pupil)
        plans.rows.append(plan)
        work.claim(pupil[0])
    work.report("return", work.sheet("return").rows[0], "nil_return", "RET08")
    return True


def _on_register(sheet: Sheet, sent: SchoolReturn) -> list[Row]:
    def is_on(row: Row) -> bool:
        leaving = sheet.cell(row, "leaving_date")
        return sheet.cell(row, "sen_provision") in ("K", "E") and (leaving is None or leaving > sent.term.as_at_date)

    return [row for row in sheet.written() if is_on(row)]


def _pup16(work: Work) -> bool:
    pupil = work.some_pupil(sen_provision="K")
    if pupil is None:
        return False
    key = work.key_of(pupil)
    for table in ("plans", "reviews"):
        child = work.sheet(table)
        child.rows = [row for row in child.rows if row is None or row[0] != key]
    work.report("pupils", pupil, "sen_provision", "PUP16")
    return True


def _pup17(work: Work) -> bool:
    pupil = work.some_pupil(sen_provision="E")
    if pupil is None:
        return False
    key, placements = work.key_of(pupil), work.sheet("placements")
    placements.rows = [row for row in placements.rows if row is None or row[0] != key]
    return _change(work, "pupils", pupil, "PUP17", annual_review_meeting_date=None)


def _pup14(work: Work) -> bool:
    pupil = work.some_pupil(lambda row: bool(row[0]), former_upn=None)
    return _change(work, "pupils", pupil, "PUP14", former_upn="A80120012300")


def _pup15(work: Work) -> bool:
    pupil = work.some_pupil(lambda row: bool(row[0]), former_upn=None)
    return pupil is not None and _change(work, "pupils", pupil, "PUP15", former_upn=pupil[0])


def _pup08(work: Work) -> bool:
    pupil = work.some_pupil(primary_need=lambda need: need not in (None, "NSA"))
    return pupil is not None and _change(
        work, "pupils", pupil, "PUP08", secondary_need=work.sheet("pupils").cell(pupil, "primary_need")
    )


def _pup04(work: Work) -> bool:
    pupil = work.some_pupil(lambda row: bool(row[0]))
    return pupil is not None and _change(work, "pupils", pupil, "PUP04", uln=_wrong_uln(pupil[1] or "1040000370"))


def _plan_dates(work: Work, code: str, name: str, days: int) -> bool:
    as_at = work.sent.term.as_at_date
    row = work.some_child("plans", lambda r: r[1] < as_at - timedelta(days=30))
    return row is not None and _change(work, "plans", row, code, **{name: row[1] + timedelta(days=days)})


def _rvw02(work: Work) -> bool:
    sheet = work.sheet("reviews")
    step = sheet.columns.index("next_step")

    def suits(row: Row) -> bool:
        planned = {plan[1] for plan in work.children(row[0], "plans")}
        return row[step] != "INVOLVE_SPECIALIST" and row[1] - timedelta(days=3) not in planned

    row = work.some_child("reviews", suits)
    return row is not None and _change(work, "reviews", row, "RVW02", planned_date=row[1] - timedelta(days=3))


def _rvw04(work: Work) -> bool:
    # a review with another date is not there any more in next term's return, nor as it was in last term's
    if work.sent.term.name != "summer":
        return False
    as_at = work.sent.term.as_at_date
    last_as_at = max((t.as_at_date for t in work.world.days.terms if t.as_at_date < as_at), default=as_at)
    sheet = work.sheet("reviews")
    step, copy = sheet.columns.index("next_step"), sheet.columns.index("copy_to_parents_date")

    def suits(row: Row) -> bool:
        early = row[1] - timedelta(days=3)
        is_new = row[2] > last_as_at
        on_the_day = any(r[2] == early for r in work.children(row[0], "reviews"))
        return row[step] != "INVOLVE_SPECIALIST" and is_new and not on_the_day

    row = work.some_child("reviews", suits)
    if row is None:
        return False
    if row[copy] is None:
        row[copy] = row[2]
    return _change(work, "reviews", row, "RVW04", review_date=row[1] - timedelta(days=3))


def _rvw05(work: Work) -> bool:
    row = work.some_child("reviews")
    return row is not None and _change(work, "reviews", row, "RVW05", copy_to_parents_date=row[2] - timedelta(days=2))


def _rvw06(work: Work) -> bool:
    row = work.some_child("reviews", lambda r: not work.children(r[0], "specialists"))
    return _change(work, "reviews", row, "RVW06", next_step="INVOLVE_SPECIALIST")


def _referral_dates(work: Work, code: str, **days: int) -> bool:
    row = _extra_referral(work)
    return row is not None and _change(
        work, "specialists", row, code, **{name: row[2] + timedelta(days=n) for name, n in days.items()}
    )


def _advice_without_contact(work: Work, code: str) -> bool:
    row = _extra_referral(work)
    if row is not None:
        work.sheet("specialists").put(row, "first_contact_date", None)
    return row is not None and _change(work, "specialists", row, code, advice_date=row[2] - timedelta(days=2))


def _elsewhere(work: Work, table: str, code: str, **cells: object) -> bool:
    row = _extra_elsewhere(work, table)
    if code == "PLC02":
        work.report(table, row, "upn", "PLC04")  # the pupil is made up
    changed = {name: value(row) if callable(value) else value for name, value in cells.items()}
    return _change(work, table, row, code, **changed)


def _arrangement(work: Work, code: str, uses: tuple[str, ...] = (), **cells: object) -> bool:
    rows = work.sheet("arrangements").written()
    claimed = [("arrangements", name) for name in (*cells, *uses)]
    if len(rows) != 1 or not work.claim(*claimed):
        return False
    return _change(work, "arrangements", rows[0], code, **cells)


def _return_row(work: Work, code: str, name: str, value: object, *also: object) -> bool:
    rows = work.sheet("return").written()
    if len(rows) != 1 or not work.claim(("return", name), *also):
        return False
    return _change(work, "return", rows[0], code, **{name: value})


def _ret01(work: Work) -> bool:
    if not work.sheet("pupils").written():
        return False
    # a nil return with pupils explains the rows without a pupil: they raise nothing beside it
    return _return_row(work, "RET01", "nil_return", "Y", "rule PLA01", "rule RVW01", "rule SPE01")


def _ret03(work: Work) -> bool:
    return _return_row(work, "RET03", "as_at_date", work.sent.term.as_at_date - timedelta(days=1))


def _arrangements_twice(work: Work) -> bool:
    sheet = work.sheet("arrangements")
    names = [("arrangements", name) for name in (*sheet.columns, "row")]
    if len(sheet.written()) != 1 or not work.claim(*names):
        return False
    sheet.rows.append(list(sheet.rows[0]))
    work.report("arrangements", None, None, "SHT05")
    return True


def _no_arrangements(work: Work) -> bool:
    sheet = work.sheet("arrangements")
    names = [("arrangements", name) for name in (*sheet.columns, "row")]
    if work.sent.term.name != "autumn" or not sheet.rows or not work.claim(*names):
        return False
    sheet.rows.clear()
    work.report("arrangements", None, None, "SHT06")
    return True


def _unknown_column(work: Work) -> bool:
    if not work.claim("columns of pupils"):
        return False
    sheet = work.sheet("pupils")
    sheet.columns.append(Typed("Tutor group"))
    for row in sheet.written():
        row.append(Typed("7B"))
    work.report("pupils", None, "Tutor group", "COL02")
    return True


def _column_twice(work: Work, name: str, code: str) -> bool:
    sheet = work.sheet("pupils")
    if not sheet.written() or not work.free("columns of pupils"):
        return False
    if code == "COL04":
        row = work.some_pupil(sen_provision="K", leaving_date=None)
        if row is None:
            return False
    work.claim("columns of pupils")
    position = sheet.columns.index(name)
    sheet.columns.append(name)
    for each in sheet.written():
        each.append(each[position])
    if code == "COL04":
        row[position], row[-1] = "OTH" if row[sheet.columns.index("primary_need")] != "OTH" else "MLD", None
    work.report("pupils", None, name, code)
    return True


WRITTEN: dict[str, Callable[[Work], bool]] = {
    "COL02": _unknown_column,
    "COL03": partial(_column_twice, name="sex", code="COL03"),
    "COL04": partial(_column_twice, name="secondary_need", code="COL04"),
    "RET07": _ret07,
    "RET08": _ret08,
    "SHT05": _arrangements_twice,
    "SHT06": _no_arrangements,
    "PUP19": _pup19,
    "PUP20": _pup20,
    "PUP21": _pup21,
    "PUP22": _pup22,
    "PUP25": _pup25,
    "EXP01": _exp01,
    "EXP02": _exp02,
    "EXP03": partial(_take_away, table="reviews", code="EXP03", suits=lambda _: True),
    "PUP05": _pup05,
    "PUP17": _pup17,
    "PUP01": partial(_rekey, code="PUP01", make=lambda upn: upn[:-1]),
    "PUP02": partial(_rekey, code="PUP02", make=with_wrong_letter),
    "PUP03": partial(_rekey, code="PUP03", make=lambda upn: with_check_letter("999" + upn[4:])),
    "PUP04": _pup04,
    "PUP06": _pup06,
    "PUP07": lambda work: _change(work, "pupils", work.some_pupil(sen_provision="E"), "PUP07", primary_need="NSA"),
    "PUP08": _pup08,
    "PUP09": lambda work: _change(work, "pupils", work.some_pupil(), "PUP09", sen_provision=Typed("A")),
    "PUP10": _pup10,
    "PUP11": _pup11,
    "PUP12": _pup12,
    "PUP13": _pup13,
    "PUP14": _pup14,
    "PUP15": _pup15,
    "PUP16": _pup16,
    "RET01": _ret01,
    "RET03": _ret03,
    "ARR01": partial(_arrangement, code="ARR01", healthcare_plans_reviewed=9, pupils_needing_healthcare_plan=4),
    "ARR02": partial(
        _arrangement,
        code="ARR02",
        senco_first_appointed_date=None,
        senco_award="WORKING_TOWARDS",
        senco_in_post="Y",
    ),
    "ARR03": partial(_arrangement, code="ARR03", senco_in_post="N", senco_award="NASENCO", uses=("senco_leadership",)),
    "PLA01": partial(_orphan, table="plans", code="PLA01"),
    "PLA02": partial(_same_key_twice, table="plans", code="PLA02", name="planned_date"),
    "PLA03": partial(_plan_dates, code="PLA03", name="assessed_date", days=4),
    "PLA04": partial(_plan_dates, code="PLA04", name="review_due_date", days=-5),
    "PLA05": partial(_plan_dates, code="PLA05", name="ended_date", days=-6),
    "RVW01": partial(_orphan, table="reviews", code="RVW01"),
    "RVW02": _rvw02,
    "RVW03": partial(_same_key_twice, table="reviews", code="RVW03", name="review_date"),
    "RVW04": _rvw04,
    "RVW05": _rvw05,
    "RVW06": _rvw06,
    "SPE01": partial(_orphan, table="specialists", code="SPE01"),
    "SPE02": partial(_same_key_twice, table="specialists", code="SPE02", name="referred_date"),
    "SPE03": partial(_referral_dates, code="SPE03", first_contact_date=-4),
    "SPE04": partial(_referral_dates, code="SPE04", advice_date=3),
    "SPE05": partial(_referral_dates, code="SPE05", ended_date=-7),
    "SPE06": partial(_advice_without_contact, code="SPE06"),
    "SPE07": partial(_referral_dates, code="SPE07", ended_date=5),
    "CON01": partial(_same_key_twice, table="consultations", code="CON01", name="consulted_date"),
    "CON02": partial(
        _elsewhere, table="consultations", code="CON02", responded_date=lambda row: row[1] - timedelta(days=5)
    ),
    "CON03": partial(_elsewhere, table="consultations", code="CON03", upn=lambda row: with_wrong_letter(row[0])),
    "PLC01": partial(_same_key_twice, table="placements", code="PLC01", name="named_date"),
    "PLC02": partial(
        _elsewhere, table="placements", code="PLC02", admitted_date=lambda row: row[1] - timedelta(days=5)
    ),
    "PLC03": partial(_elsewhere, table="placements", code="PLC03", upn=lambda row: with_wrong_letter(row[0])),
    "PUP18": lambda work: _change(work, "pupils", work.some_pupil(sen_provision="E"), "PUP18", secondary_need="NSA"),
}
