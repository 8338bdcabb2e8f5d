"""Bad input gets a ledger row and a sentence that a school can act on, and never stops the other schools."""

import io
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from pipelines.checking import check_terms, check_unplaced, unbalanced
from pipelines.demo.synthetic_la import make_la
from pipelines.feedback import answer_schools
from pipelines.landing import pull
from pipelines.reading.headers import folded
from pipelines.reading.returns import read_returns
from pipelines.reference import pull_reference
from pipelines.settings import Settings
from pipelines.warehouse import warehouse
from tests.reading.builders import with_sheet_xml

AT = datetime(2026, 7, 20)
TERM = "2025-26-summer"
OLD_XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000


def edited(data: bytes, edit) -> bytes:
    """The workbook after `edit(workbook)`."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    edit(book)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def sheet_of(book, table: str):
    return next(sheet for sheet in book if folded(sheet.title) == folded(table))


def column(sheet, field: str) -> int:
    return [folded(str(cell.value)) for cell in sheet[1]].index(folded(field)) + 1


def protected(data: bytes) -> bytes:
    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(data)).encrypt("secret", locked)
    return locked.getvalue()


def set_cell(table: str, field: str, value):
    def edit(book):
        sheet = sheet_of(book, table)
        sheet.cell(row=2, column=column(sheet, field)).value = value

    return lambda data: edited(data, edit)


def formula_in_a_code(data: bytes) -> bytes:
    return set_cell("pupils", "primary_need", "=cmd|'/C calc'!A0")(data)


def blank_rows_below(data: bytes) -> bytes:
    tables = [folded(name) for name in openpyxl.load_workbook(io.BytesIO(data), read_only=True).sheetnames]
    # as a workbook says it: openpyxl takes half a minute to write so many
    rows = "".join(f'<row r="{n}"><c r="A{n}" s="1"/></row>' for n in range(5_000, 205_000)).encode()
    position = tables.index("pupils") + 1
    return with_sheet_xml(data, position, lambda xml: xml.replace(b"</sheetData>", rows + b"</sheetData>"))


def merged_header(data: bytes) -> bytes:
    def edit(book):
        sheet = sheet_of(book, "pupils")
        sheet.insert_rows(1)
        sheet["A1"] = "Pupils with SEN"
        sheet.merge_cells("A1:F1")

    return edited(data, edit)


def column_twice(data: bytes) -> bytes:
    def edit(book):
        sheet = sheet_of(book, "pupils")
        last, first = sheet.max_column + 1, column(sheet, "sex")
        for row in range(1, sheet.max_row + 1):
            sheet.cell(row=row, column=last).value = sheet.cell(row=row, column=first).value

    return edited(data, edit)


def with_entry(name: str, content: bytes):
    def add(data: bytes) -> bytes:
        copy = io.BytesIO(data)
        with zipfile.ZipFile(copy, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        return copy.getvalue()

    return add


def code_in_a_csv(change):
    """The same return as CSV files, with a code changed: a workbook's cell holds neither a NUL nor so long a text."""

    def convert(data: bytes) -> bytes:
        book = openpyxl.load_workbook(io.BytesIO(data))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for sheet in book:
                rows = [["" if v is None else str(v) for v in row] for row in sheet.iter_rows(values_only=True)]
                if folded(sheet.title) == "pupils":
                    place = column(sheet, "primary_need") - 1
                    rows[1][place] = change(rows[1][place])
                archive.writestr(f"{sheet.title}.csv", "\n".join(",".join(row) for row in rows))
        return packed.getvalue()

    return convert


# what is done to a return -> the rules that say so; the school's other rows are not touched
SPOILT = {
    "a truncated ZIP": (lambda data: data[: len(data) // 2], {"FIL01"}),
    "a password-protected workbook": (protected, {"FIL02"}),
    "a PDF named .xlsx": (lambda _: b"%PDF-1.7\n" + b"x" * 500, {"FIL04"}),
    "an old .xls": (lambda _: OLD_XLS, {"FIL04"}),
    "an empty file": (lambda _: b"", {"FIL13"}),
    "a sheet missing": (lambda data: edited(data, lambda book: book.remove(sheet_of(book, "reviews"))), {"SHT01"}),
    "a ZIP bomb": (with_entry("xl/bomb.xml", b"0" * 200_000_000), {"FIL03"}),
    "a path like ../../x": (with_entry("../../x", b"x"), {"FIL05"}),
    "a cell that starts with =cmd": (formula_in_a_code, {"PUP.primary_need.code"}),
    "a file of another year": (set_cell("return", "academic_year", "2011-12"), {"FIL10"}),
    "a school that is not in GIAS": (set_cell("return", "urn", "999999"), {"FIL07"}),
    "merged header cells": (merged_header, {"SHT03"}),
    "a column twice": (column_twice, {"COL03"}),
    "a NUL byte": (code_in_a_csv(lambda code: code + "\0"), {"PUP.primary_need.code"}),
    "a cell of 40,000 characters": (code_in_a_csv(lambda _: "x" * 40_000), {"PUP.primary_need.code"}),
    "200,000 blank rows below the data": (blank_rows_below, set()),
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """One run over an LA in which each bad input came from a school of its own, and one school's return is good."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("bad") / "data",
        pseudonym_key="the tests' own pseudonym key",
        settling_seconds=0,
    )
    make_la(settings, schools=44, terms=1, pupils_per_school=20, dirty=False)
    landing = Path(settings.landing)
    workbooks = iter(sorted(landing.rglob("*.xlsx")))
    sent = {}
    for what, (spoil, _) in SPOILT.items():
        path = next(workbooks)
        path.write_bytes(spoil(path.read_bytes()))
        sent[what] = path.name
    twice, good = next(workbooks), next(workbooks)
    (landing / "again").mkdir()
    (landing / "again" / f"copy of {twice.name}").write_bytes(twice.read_bytes())
    newer = good.with_name(good.name.replace("_01.", "_02."))
    newer.write_bytes(edited(good.read_bytes(), lambda book: book.create_sheet("notes")))
    sent |= {"the same file twice": f"copy of {twice.name}", "two files of one school": newer.name, "good": good.name}
    elsewhere = settings.data_dir / "elsewhere.xlsx"
    elsewhere.write_bytes(good.read_bytes())
    (landing / "link.xlsx").symlink_to(elsewhere)
    sent["a link"] = "link.xlsx"
    with warehouse(settings) as connection:
        pull_reference(settings, connection, AT)
        pull(settings, connection, AT)
        read_returns(settings, connection, [TERM])
        check_unplaced(settings, connection)
        check_terms(settings, connection, [TERM])
        answer_schools(settings, connection, [TERM], AT.date())
        yield settings, connection, sent


@pytest.mark.parametrize("what", SPOILT)
def test_bad_input_has_a_ledger_row_and_a_sentence(outcome, what):
    _, connection, sent = outcome
    assert connection.execute("SELECT count(*) FROM ledger.files WHERE file_name = ?", [sent[what]]).fetchone() == (1,)
    found = connection.execute(
        "SELECT rule_code, message, remedy FROM quality.issues WHERE file_name = ?", [sent[what]]
    ).fetchall()
    assert {code for code, _, _ in found} >= SPOILT[what][1]
    assert bool(found) == bool(SPOILT[what][1]), "nothing else is said of it"
    for _, message, remedy in found:
        assert message.endswith(".")
        assert remedy.endswith(".")


def test_the_same_file_twice_is_said_of_the_second(outcome):
    _, connection, sent = outcome
    rows = connection.execute("SELECT file_name, rule_code FROM quality.issues WHERE rule_code = 'FIL06'").fetchall()
    assert rows == [(sent["the same file twice"], "FIL06")]


def test_of_two_files_of_one_school_the_higher_serial_counts(outcome):
    _, connection, sent = outcome
    states = dict(
        connection.execute(
            "SELECT file_name, state FROM ledger.files WHERE file_name IN (?, ?)",
            [sent["good"], sent["two files of one school"]],
        ).fetchall()
    )
    assert states == {sent["good"]: "superseded", sent["two files of one school"]: "current"}


def test_a_link_is_not_followed(outcome):
    _, connection, _ = outcome
    assert connection.execute("SELECT state, sha256 FROM ledger.files WHERE file_name = 'link.xlsx'").fetchone() == (
        "link",
        None,
    )
    assert connection.execute("SELECT rule_code FROM quality.issues WHERE file_name = 'link.xlsx'").fetchall() == [
        ("FIL15",)
    ]


def test_the_other_schools_are_counted_and_every_row_is_accounted_for(outcome):
    _, connection, sent = outcome
    untouched = connection.execute(
        "SELECT DISTINCT state FROM ledger.returns WHERE file_name NOT IN (SELECT unnest(?))", [list(sent.values())]
    ).fetchall()
    assert untouched == [("current",)]
    assert not unbalanced(connection, [TERM])


def test_every_received_byte_is_in_the_archive(outcome):
    settings, connection, _ = outcome
    hashes = {row[0] for row in connection.sql("SELECT sha256 FROM ledger.files WHERE sha256 IS NOT NULL").fetchall()}
    assert hashes <= {path.name for path in settings.archive_dir.rglob("*") if path.is_file()}


def test_the_schools_that_can_be_told_are_told(outcome):
    _, connection, sent = outcome
    answered = {row[0] for row in connection.sql("SELECT return_id FROM ledger.letters").fetchall()}
    for what, (_, codes) in SPOILT.items():
        if not codes or codes <= {"FIL07", "FIL10"}:  # nothing to say, or no school to say it to
            continue
        (return_id,) = connection.execute(
            "SELECT return_id FROM ledger.returns WHERE file_name = ?", [sent[what]]
        ).fetchone()
        assert return_id in answered, what
