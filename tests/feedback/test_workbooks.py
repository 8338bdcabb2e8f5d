"""The feedback workbook, read back as a program and as a person would."""

import io
import zipfile

import openpyxl
import pytest

from pipelines.feedback import answer_schools
from pipelines.feedback.cells import ERROR_FILL, QUERY_FILL
from tests.feedback.conftest import ON, TERM, UPN

PUPIL = {"upn": UPN, "year_group": "4", "sex": "F", "sen_provision": "E", "primary_need": "NSA"}


@pytest.fixture
def workbook(authority):
    """Answers the one return of the authority and opens its workbook."""

    def answer():
        answer_schools(authority.settings, authority.connection, [TERM], ON)
        (path,) = authority.outbox(".xlsx")
        return openpyxl.load_workbook(path)

    authority.school()
    authority.contact()
    authority.file()
    return answer


def table(sheet):
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_every_issue_is_listed_the_most_important_first(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL}, {"row_number": 3, **PUPIL})
    authority.issue("PUP16", "query", row_number=2, field="upn")
    authority.issue("PUP07", row_number=3, value="NSA", costs="nothing")
    authority.issue("PUP.sex.code", row_number=2, field="sex", costs="cell")
    authority.issue("PUP02", row_number=3, field="upn", costs="row", upn=UPN)
    authority.issue("COL01", field="sex", row_number=None, costs="rejects")
    authority.issue("FIL12", "query", table_name="files", field=None, row_number=None)

    issues = table(workbook()["Issues"])

    assert [row["Rule"] for row in issues] == ["COL01", "PUP02", "PUP.sex.code", "PUP07", "FIL12", "PUP16"]
    assert [row["Error or query"] for row in issues] == ["Error"] * 4 + ["Query"] * 2
    assert issues[1] == {
        "No.": 2,
        "Error or query": "Error",
        "Sheet": "pupils",
        "Row": 3,
        "Column": "upn",
        "What you sent": None,
        "What is wrong": "NSA (no specialist assessment) is only for pupils on SEN support.",
        "What to do": "Give the type of need from the EHC plan, or change the provision to K.",
        "Until it is corrected": "The row is not counted until corrected",
        "UPN": UPN,
        "Rule": "PUP02",
        "Reference": None,
        "Where it stands": "New",
    }
    assert issues[4]["Sheet"] == "(the file)"


def test_the_issue_sheet_can_be_filtered_printed_and_followed_to_the_cell(authority, workbook):
    authority.pupils({"row_number": 7, **PUPIL})
    authority.issue(row_number=7, value="NSA")

    sheet = workbook()["Issues"]

    assert sheet.auto_filter.ref == "A1:M2"
    assert sheet.freeze_panes == "A2"
    assert sheet["D2"].value == 7
    assert sheet["D2"].hyperlink.location == "'pupils'!I7"  # primary_need is the ninth column
    assert sheet["G2"].alignment.wrap_text
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.print_title_rows == "$1:$1"


def test_rows_keep_the_numbers_that_they_have_in_the_schools_file(authority, workbook):
    authority.pupils({"row_number": 3, **PUPIL}, {"row_number": 6, **PUPIL, "sex": "M"})
    authority.issue(row_number=6, value="NSA")

    sheet = workbook()["pupils"]

    assert [sheet.cell(row, 1).value for row in range(1, 8)] == ["upn", None, UPN, None, None, UPN, None]
    assert sheet["E6"].value == "M"
    assert [cell.value for cell in sheet[1]][:5] == ["upn", "uln", "former_upn", "year_group", "sex"]


def test_cells_at_fault_are_coloured_framed_and_commented(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL}, {"row_number": 3, **PUPIL})
    authority.issue(row_number=2, value="NSA", fields="primary_need,sen_provision")
    authority.issue("PUP10", "query", row_number=3, field="year_group", message="Is the year group right?")

    sheet = workbook()["pupils"]
    need, provision, year_group, fine = sheet["I2"], sheet["G2"], sheet["D3"], sheet["I3"]

    for cell in (need, provision):
        assert cell.fill.fgColor.rgb.endswith(ERROR_FILL[1:])
        assert cell.font.bold
        assert cell.border.left.style == "medium"
        assert cell.comment.text.startswith("ERROR: NSA (no specialist assessment) is only for pupils on SEN support.")
    assert year_group.fill.fgColor.rgb.endswith(QUERY_FILL[1:])
    assert year_group.font.italic
    assert year_group.comment.text.startswith("QUERY: Is the year group right?")
    assert fine.value == "NSA"
    assert fine.comment is None
    assert fine.fill.fill_type is None


def test_what_is_marked_is_said_in_words_beside_the_row(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL}, {"row_number": 3, **PUPIL})
    authority.issue("PUP10", "query", row_number=3, field="year_group", message="Is the year group right?")

    rows = table(workbook()["pupils"])

    assert [row["feedback"] for row in rows] == [None, "Query in year_group: Is the year group right?"]


def test_an_issue_about_several_fields_is_one_note(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL})
    authority.issue(row_number=2, fields="primary_need,sen_provision", message="Not both.")
    authority.issue("PUP11", row_number=2, field=None, fields=None, message="Twice here.", costs="row")

    sheet = workbook()["pupils"]

    # the costlier first
    assert table(sheet)[0]["feedback"] == (
        "Error in this row: Twice here.\nError in primary_need and sen_provision: Not both."
    )
    assert sheet["A2"].comment.text.startswith("ERROR: Twice here.")


def test_an_error_in_a_cell_outweighs_a_query_in_it(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL})
    authority.issue("PUP16", "query", row_number=2, field="upn", message="No plan.")
    authority.issue("PUP02", "error", row_number=2, field="upn", message="Wrong check letter.", costs="row")

    cell = workbook()["pupils"]["A2"]

    assert cell.fill.fgColor.rgb.endswith(ERROR_FILL[1:])
    assert cell.comment.text.index("Wrong check letter.") < cell.comment.text.index("No plan.")


def test_a_blank_cell_at_fault_and_a_missing_column_are_marked_too(authority, workbook):
    authority.pupils({"row_number": 2, "upn": UPN})
    authority.issue("PUP.sex.required", row_number=2, field="sex", message="Sex is blank.", costs="cell")
    authority.issue("COL01", row_number=None, field="entry_date", message="No such column.", costs="rejects")

    sheet = workbook()["pupils"]

    assert sheet["E2"].value is None
    assert sheet["E2"].comment.text.startswith("ERROR: Sex is blank.")
    assert sheet["N1"].value == "entry_date"
    assert sheet["N1"].comment.text.startswith("ERROR: No such column.")


def test_a_row_with_cells_beyond_the_last_column_shows_them(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL, "surplus": "see below"}, {"row_number": 3, **PUPIL})
    authority.issue("PUP.row.surplus", row_number=2, field=None, fields=None, costs="row")

    sheet = workbook()["pupils"]

    assert table(sheet)[0]["beyond the last column"] == "see below"
    assert sheet["T2"].comment is not None
    assert table(sheet)[0]["feedback"].startswith("Error in this row: ")


def test_what_looks_like_a_formula_stays_text(authority, workbook):
    texts = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=1+1"]
    authority.pupils(*({"row_number": n, "upn": text, "sex": text} for n, text in enumerate(texts, start=2)))
    for number, text in enumerate(texts, start=2):
        authority.issue(row_number=number, value=text, field="sex")

    book = workbook()

    for number, text in enumerate(texts, start=2):
        # as sent and fine, as sent and at fault, and in the list of issues
        for cell in (book["pupils"][f"A{number}"], book["pupils"][f"E{number}"], book["Issues"][f"F{number}"]):
            assert cell.value == text
            assert cell.data_type != "f"
            assert cell.quotePrefix  # stays text when a person edits it
    with zipfile.ZipFile(authority.outbox(".xlsx")[0]) as parts:
        assert not any(b"<f>" in parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/"))


def test_web_addresses_in_a_return_do_not_become_links(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL, "next_setting_urn": "https://elsewhere.example/x"})
    authority.issue(row_number=2, value="https://elsewhere.example/x", field="next_setting_urn")

    book = workbook()

    assert book["pupils"]["R2"].value == "https://elsewhere.example/x"
    assert book["pupils"]["R2"].hyperlink is None
    assert book["Issues"]["F2"].hyperlink is None


def test_an_overlong_cell_is_cut_and_says_so(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL, "secondary_need": "x" * 40_000}, {"row_number": 3, "upn": "𝄞" * 40_000})
    authority.issue(row_number=2, value="x" * 40_000, field="secondary_need")

    book = workbook()

    assert book["pupils"]["J2"].value == "x" * 16_000 + " … [cut here: 40000 characters in all]"
    assert book["Issues"]["F2"].value == "x" * 120 + " … [cut here: 40000 characters in all]"
    assert len(book["pupils"]["A3"].value.encode("utf-16-le")) // 2 <= 32_767


def test_what_cannot_be_seen_is_shown_and_markup_stays_text(authority, workbook):
    shown_as = {
        "F\x00M": "F␀M",
        "F\x1b[31m": "F␛[31m",
        "F\u200b": "F⟨U+200B⟩",
        "\u202eF": "⟨U+202E⟩F",
        "\ufffe": "⟨U+FFFE⟩",
        "a\nb": "a\nb",
        "a\rb": "a␍b",
        "_x0041_": "_x0041_",
        "<r><t>&amp;</t></r>": " <r><t>&amp;</t></r>",
        "<b> & \"'": "<b> & \"'",
        " ": " ",
    }
    authority.pupils(*({"row_number": n, "upn": text, "sex": text} for n, text in enumerate(shown_as, start=2)))
    for number, text in enumerate(shown_as, start=2):
        authority.issue(row_number=number, value=text, field="sex")

    book = workbook()

    for number, shown in enumerate(shown_as.values(), start=2):
        assert [book["pupils"][f"A{number}"].value, book["pupils"][f"E{number}"].value] == [shown, shown]
        assert book["Issues"][f"F{number}"].value == shown


def test_a_file_that_could_not_be_read_has_its_issue_and_no_sheets_of_its_own(authority, workbook):
    authority.state("aaaaaaaa00000001", "rejected")
    authority.issue("FIL01", table_name="files", field=None, fields=None, row_number=None, costs="rejects")

    assert workbook().sheetnames == ["Issues", "Read me"]


def test_sheets_come_in_the_contracts_order_and_a_missing_one_is_named(authority, workbook):
    authority.state("aaaaaaaa00000001", "rejected")
    authority.pupils({"row_number": 2, **PUPIL})
    authority.insert("raw.return", return_id="aaaaaaaa00000001", return_term=TERM, row_number=2, urn__text="100001")
    authority.issue("SHT01", table_name="plans", field=None, fields=None, row_number=None, message="It is missing.", costs="rejects")  # fmt: skip

    book = workbook()

    assert book.sheetnames == ["Issues", "Read me", "return", "pupils", "plans"]
    assert book["plans"]["A1"].comment.text.startswith("ERROR: It is missing.")
    assert book["plans"].max_row == 1


def test_the_read_me_says_where_the_return_stands_and_whom_to_ask(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL}, {"row_number": 3, **PUPIL})
    authority.issue("PUP02", row_number=2, field="upn", costs="row")
    authority.quarantine(2)

    lines = {row[0]: row[1] for row in workbook()["Read me"].iter_rows(values_only=True) if row[0]}

    assert lines["School"] == "Oakfield Primary School"
    assert lines["Where it stands"].startswith("Accepted with errors")
    assert lines["Rows counted"] == "1 of 2 rows"
    assert lines["Deadline"] == "19 December 2025"
    assert lines["Whom to ask"] == "Westmere Council, sen-returns@westmere.example"
    assert "quarantin" not in str(lines)


def test_the_same_content_gives_the_same_bytes(authority, workbook):
    authority.pupils({"row_number": 2, **PUPIL}, {"row_number": 3, **PUPIL})
    authority.issue(row_number=2, value="NSA")
    workbook()
    (path,) = authority.outbox(".xlsx")
    first = path.read_bytes()
    authority.connection.execute("DELETE FROM ledger.letters")
    workbook()

    assert path.read_bytes() == first
    assert openpyxl.load_workbook(io.BytesIO(first)).properties.created.isoformat() == "2025-12-09T10:30:00"


def test_polars_reads_the_copy_as_it_was_sent(authority, workbook):
    fastexcel = pytest.importorskip("fastexcel")
    authority.pupils({"row_number": 3, **PUPIL, "entry_date": "02/09/2024", "uln": "0012345678"})
    authority.issue(row_number=3, value="NSA")
    workbook()

    sheet = fastexcel.read_excel(authority.outbox(".xlsx")[0]).load_sheet(
        "pupils", header_row=None, skip_rows=0, dtypes="string"
    )
    rows = sheet.to_polars().rows()

    assert len(rows) == 3
    assert rows[2][:4] == (UPN, "0012345678", None, "4")
    assert rows[2][13] == "02/09/2024"
