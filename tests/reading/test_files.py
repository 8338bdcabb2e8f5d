"""Workbook or ZIP -> rows as text: nothing that a school typed is lost or changed on the way."""

import io
import re
from datetime import date, datetime

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reading.files import ReceivedFile, read_file
from tests.reading.builders import (
    CONTRACT,
    LIMIT,
    csv_text,
    csv_zip,
    whole_return,
    with_sheet_xml,
    workbook,
    zipped,
)

UPN, OTHER_UPN = "A801200112345", "B801200112346"
PUPILS = [["upn", "uln", "sex"], [UPN, "1234567890", "F"], [OTHER_UPN, None, "M"]]


def read(data: bytes, term_name: str | None = None) -> ReceivedFile:
    received = read_file(data, CONTRACT, LIMIT, term_name)
    assert received.fault is None
    return received


def pupils_of(data: bytes) -> pl.DataFrame:
    return read(data).tables["pupils"]


def column(rows: pl.DataFrame, name: str) -> list:
    return rows[name].to_list()


def sheet_of(received: ReceivedFile, table: str):
    return next(sheet for sheet in received.sheets if sheet.table_name == table)


def columns_of(received: ReceivedFile, table: str = "pupils") -> list[tuple]:
    return [
        (c.field, c.column_name, c.known, c.found, c.required, c.repeated, c.agrees)
        for c in received.columns
        if c.table_name == table
    ]


def both(pupils) -> list[bytes]:
    return [workbook(whole_return(pupils=pupils)), csv_zip(whole_return(pupils=pupils))]


# --- both forms


def test_both_forms_give_the_same_rows():
    expected = {"row_number": [2, 3], "upn": [UPN, OTHER_UPN], "uln": ["1234567890", None], "sex": ["F", "M"]}
    for data in both(PUPILS):
        rows = pupils_of(data)
        assert rows.columns == ["row_number", *CONTRACT.tables["pupils"].fields, "surplus"]
        assert rows.select(*expected).to_dict(as_series=False) == expected
        assert rows["year_group"].is_null().all()
        assert rows["surplus"].is_null().all()


def test_blank_rows_are_not_received_and_still_count():
    pupils = [PUPILS[0], [None], PUPILS[1], ["  ", "\u00a0"], [None], PUPILS[2]]
    for data in both(pupils):
        received = read(data)
        assert column(received.tables["pupils"], "row_number") == [3, 6]
        assert sheet_of(received, "pupils").rows_received == 2


@pytest.mark.parametrize(
    "header",
    [
        "SEN_Start_Date",
        "sen start date",
        "  Sen-Start Date ",
        "SENSTARTDATE",
        "sen\u2011start\u00a0date",
        "\ufeffsen_start_date",
    ],
)
def test_headers_match_whatever_their_case_spaces_hyphens_and_underscores(header):
    for data in both([["UPN", header], [UPN, "02/09/2025"]]):
        assert column(pupils_of(data), "sen_start_date") == ["02/09/2025"]


def test_sheet_and_entry_names_match_like_headers():
    pupils = csv_text(PUPILS)
    for data in (
        workbook({" SEN-arrangements": [["x"]], "Pup_ils ": PUPILS}),
        zipped({"PUPILS.CSV": pupils}),
        zipped({"Autumn return/pu pils.csv": pupils}),
        zipped({"Autumn return\\pupils.csv": pupils}),
    ):
        assert column(pupils_of(data), "upn") == [UPN, OTHER_UPN]


def test_a_table_two_folders_down_is_a_file_that_nobody_knows():
    received = read(zipped({"a/b/pupils.csv": csv_text(PUPILS)}))
    assert "pupils" not in received.tables
    assert [(s.sheet_name, s.known) for s in received.sheets if s.found] == [("a/b/pupils.csv", False)]


def test_what_a_mac_adds_is_passed_over():
    entries = {
        "pupils.csv": csv_text(PUPILS),
        "__MACOSX/._pupils.csv": b"\0\5\x16\7",
        ".DS_Store": b"x",
        "a/.DS_Store": b"",
    }
    assert [sheet.sheet_name for sheet in read(zipped(entries)).sheets if sheet.found] == ["pupils.csv"]


def test_every_sheet_is_recorded_and_every_table_that_has_none():
    sheets = whole_return(Notes=[["x"]], Lists=[["y"]])
    del sheets["plans"]
    received = read(workbook(sheets, hidden=("Lists", "pupils")), "spring")
    found = {s.sheet_name or s.table_name: (s.known, s.found, s.required, s.hidden) for s in received.sheets}
    assert found["Notes"] == (False, True, False, False)
    assert found["Lists"] == (False, True, False, True)
    assert found["pupils"] == (True, True, True, True)
    assert found["plans"] == (True, False, True, False)
    assert found["arrangements"] == (True, True, False, False)
    assert len(received.sheets) == 10


def test_arrangements_are_required_in_autumn_alone():
    sheets = whole_return()
    del sheets["arrangements"]
    assert [sheet_of(read(csv_zip(sheets), term), "arrangements").required for term in ("autumn", "summer", None)] == [
        True,
        False,
        False,
    ]


def test_two_sheets_of_one_table_are_marked_and_the_first_is_read():
    data = workbook(whole_return(pupils=PUPILS, **{"pup ils": PUPILS[:2]}))
    received = read(data)
    assert [(s.sheet_name, s.repeated, s.rows_received) for s in received.sheets if s.table_name == "pupils"] == [
        ("pupils", True, 2),
        ("pup ils", True, 0),
    ]
    assert not sheet_of(received, "plans").repeated


def test_hidden_sheets_and_rows_are_read_like_others():
    def hide(_, sheets):
        sheets["pupils"].set_row(1, None, None, {"hidden": True})

    assert column(pupils_of(workbook(whole_return(pupils=PUPILS), ("pupils",), hide)), "upn") == [UPN, OTHER_UPN]


def test_a_title_above_the_header_means_that_row_1_is_not_the_header():
    for title in (["Our SEN register"], ["UPN", None, "Autumn"], [None]):
        for data in both([title, *PUPILS]):
            received = read(data)
            assert sheet_of(received, "pupils").header_found is False
            assert received.tables["pupils"].height == 0
            assert columns_of(received) == []


def test_a_sheet_without_anything_has_no_header():
    for data in both([]):
        assert sheet_of(read(data), "pupils").header_found is False


def test_merged_header_cells_leave_cells_without_a_header():
    def merge(book, sheets):
        sheets["pupils"].merge_range(0, 1, 0, 2, "uln", None)
        sheets["pupils"].write_string(1, 2, "x")

    rows = pupils_of(workbook(whole_return(pupils=[["upn"], [UPN, "1234567890"]]), also=merge))
    assert column(rows, "uln") == ["1234567890"]
    assert column(rows, "surplus") == ["x"]


def test_a_merged_title_is_not_a_header():
    def merge(book, sheets):
        sheets["pupils"].merge_range(0, 0, 0, 2, "Pupils of the school", None)

    received = read(workbook(whole_return(pupils=[[], *PUPILS]), also=merge))
    assert sheet_of(received, "pupils").header_found is False


def test_cells_beyond_the_header_or_under_a_blank_one_are_surplus():
    for data in both([["upn", None, "sex"], [UPN, "a", "F", "b"], [OTHER_UPN, " ", "M", None, ""]]):
        rows = pupils_of(data)
        assert column(rows, "surplus") == ["a | b", None]
        assert column(rows, "sex") == ["F", "M"]


def test_a_row_of_nothing_but_surplus_is_received():
    for data in both([["upn"], [None, "total: 5"]]):
        assert pupils_of(data).select("row_number", "upn", "surplus").rows() == [(2, None, "total: 5")]


def test_a_row_with_something_in_an_unknown_column_alone_is_blank():
    for data in both([["upn", "notes"], [None, "left?"], [UPN, "x"]]):
        assert column(pupils_of(data), "row_number") == [3]


def test_unknown_and_missing_columns_are_recorded():
    for data in both([["UPN", "Notes", "Notes", "sex"], [UPN, "x", "y", "F"]]):
        columns = columns_of(read(data))
        assert (None, "Notes", False, True, False, False, True) in columns
        assert ("upn", "UPN", True, True, False, False, True) in columns
        assert ("year_group", None, True, False, True, False, True) in columns
        assert [c for c in columns if c[0] == "secondary_need"] == []  # optional: no issue
        assert len([c for c in columns if c[1] == "Notes"]) == 1


def test_a_column_twice_that_says_the_same_is_one_column():
    for data in both([["sex", "upn", "Sex"], ["F", UPN, "F "], [None, OTHER_UPN, None]]):
        received = read(data)
        assert ("sex", "sex", True, True, True, True, True) in columns_of(received)
        assert column(received.tables["pupils"], "sex") == ["F", None]


def test_a_column_twice_that_says_two_things_says_both():
    for data in both([["sex", "upn", "Sex"], ["F", UPN, "M"], ["M", OTHER_UPN, "M"], [None, "C", "F"]]):
        received = read(data)
        assert ("sex", "sex", True, True, True, True, False) in columns_of(received)
        rows = received.tables["pupils"]
        assert column(rows, "sex") == ["F | M", "M", "F"]
        assert column(rows, "sex__differs") == [True, False, True]


def test_a_cell_of_40_000_characters_is_kept_whole():
    for data in (
        csv_zip(whole_return(pupils=[["upn"], ["A" * 40_000]])),
        workbook(whole_return(pupils=[["upn"], ["A" * 32_000]])),
    ):
        assert set(column(pupils_of(data), "upn")[0]) == {"A"}
    assert len(column(pupils_of(csv_zip(whole_return(pupils=[["upn"], ["A" * 40_000]]))), "upn")[0]) == 40_000


def test_a_nul_and_other_control_characters_arrive():
    for data in both([["upn", "sex"], ["A\0B", "F\u200b"]]):
        assert pupils_of(data).select("upn", "sex").rows() == [("A\0B", "F\u200b")]


def test_a_cell_that_starts_with_an_equals_sign_is_text():
    for data in both([["upn"], ["=cmd|' /C calc'!A0"]]):
        assert column(pupils_of(data), "upn") == ["=cmd|' /C calc'!A0"]


# --- workbooks


def test_numbers_dates_and_booleans_arrive_as_people_see_them():
    pupils = [
        ["upn", "uln", "year_group", "entry_date", "sen_start_date", "below_peers", "next_setting_urn", "leaving_date"],
        [
            "0012345678901",
            1234567890,
            1.0,
            date(2025, 9, 2),
            datetime(2025, 9, 2, 13, 5),
            True,
            0.1 + 0.2,
            45922,
        ],
    ]
    assert pupils_of(workbook(whole_return(pupils=pupils))).select(pupils[0]).row(0) == (
        "0012345678901",
        "1234567890",
        "1",
        "2025-09-02",
        "2025-09-02 13:05:00",
        "true",
        "0.3",
        "45922",
    )


def test_long_numbers_keep_their_digits():
    for number in (1234567890, 12345678901, 999999999999999):
        assert column(pupils_of(workbook(whole_return(pupils=[["uln"], [number]]))), "uln") == [str(number)]


def test_dates_of_the_old_mac_calendar_are_the_same_days():
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    sheet = book.active
    sheet.title = "pupils"
    sheet.append(["upn", "entry_date"])
    sheet.append([UPN, date(2025, 9, 2)])
    assert column(pupils_of(saved(book)), "entry_date") == ["2025-09-02"]


def saved(book: openpyxl.Workbook) -> bytes:
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def test_an_error_cell_is_not_a_blank():
    shown = ["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"]

    def add(_, sheets):
        for row, error in enumerate(shown, start=1):
            sheets["pupils"].write_formula(row, 1, "=A1", None, error)

    rows = pupils_of(workbook(whole_return(pupils=[["upn", "sex"]]), also=add))
    assert column(rows, "sex") == shown
    assert column(rows, "row_number") == [2, 3, 4, 5, 6, 7, 8]


def test_a_formula_without_a_stored_value_is_not_a_blank():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "pupils"
    for row in (["upn", "sex", "uln"], [UPN, '=IF(TRUE,"F","M")', None], [None, None, None], [None, None, "=1+1"]):
        sheet.append(row)
    rows = pupils_of(saved(book))
    assert rows.select("row_number", "upn", "sex", "uln").rows() == [
        (2, UPN, '=IF(TRUE,"F","M")', None),
        (4, None, None, "=1+1"),
    ]


def test_a_formula_with_a_stored_value_is_its_value_and_one_that_gives_no_text_is_blank():
    def add(_, sheets):
        sheets["pupils"].write_formula(1, 1, '="F"', None, "F")
        sheets["pupils"].write_formula(2, 1, '=""', None, "none")
        sheets["pupils"].write_formula(3, 1, '=""', None, "none")

    data = workbook(whole_return(pupils=[["upn", "sex"], [UPN], [OTHER_UPN]]), also=add)
    # as Excel itself writes an empty text
    data = with_sheet_xml(data, 3, lambda xml: xml.replace(b"<v>none</v>", b"<v></v>"))
    rows = pupils_of(data)
    assert rows.select("upn", "sex").rows() == [(UPN, "F"), (OTHER_UPN, None)]


def test_formulas_find_their_column_where_the_sheet_does_not_begin_at_a():
    def strip_first_column(xml: bytes) -> bytes:
        return xml.replace(b'<c r="D2" t="s"><v>', b'<c r="D2"><f>B2</f></c><c r="Z9" t="s"><v>', 1)

    pupils = [[None, "upn", "uln", "sex"], [None, UPN, "1", "F"]]
    data = with_sheet_xml(workbook(whole_return(pupils=pupils)), 3, strip_first_column)
    assert pupils_of(data).select("upn", "uln", "sex").row(0) == (UPN, "1", "=B2")


def test_drop_downs_and_notes_are_no_formulas():
    def add(_, sheets):
        sheets["pupils"].data_validation(1, 2, 500, 2, {"validate": "list", "source": ["F", "M"]})
        sheets["pupils"].write_comment("A1", "the pupil's number")

    assert pupils_of(workbook(whole_return(pupils=PUPILS), also=add)).height == 2


def test_200_000_blank_formatted_rows_below_the_data_are_no_rows():
    blank = "".join(
        f'<row r="{n}" s="1" customFormat="1"><c r="A{n}" s="1"/><c r="S{n}" s="1"/></row>' for n in range(4, 200_004)
    )
    data = with_sheet_xml(
        workbook(whole_return(pupils=PUPILS), also=lambda book, _: book.add_format({"bg_color": "yellow"})),
        3,
        lambda xml: xml.replace(b"</sheetData>", blank.encode() + b"</sheetData>"),
    )
    assert column(pupils_of(data), "row_number") == [2, 3]


def test_200_000_blank_lines_below_the_data_are_no_rows():
    data = csv_zip(whole_return(pupils=csv_text(PUPILS) + ",,\r\n" * 100_000 + "\r\n" * 100_000))
    assert column(pupils_of(data), "row_number") == [2, 3]


def test_a_value_far_below_the_data_has_its_row_number():
    def add(_, sheets):
        sheets["pupils"].write_string(150_000, 0, "A")

    rows = pupils_of(workbook(whole_return(pupils=PUPILS), also=add))
    assert column(rows, "row_number") == [2, 3, 150_001]


def test_a_sheet_wider_than_z_is_read():
    wide = [["upn", *[None] * 30, "sex"], [UPN, *[None] * 30, "F"]]
    assert column(pupils_of(workbook(whole_return(pupils=wide))), "sex") == ["F"]


def test_rich_text_is_its_text():
    def add(book, sheets):
        sheets["pupils"].write_rich_string(1, 0, "A80120", book.add_format({"bold": True}), "0112345")

    assert column(pupils_of(workbook(whole_return(pupils=[["upn"]]), also=add)), "upn") == ["A801200112345"]


def test_a_workbook_of_another_program_with_prefixed_names_is_read_with_its_formulas():
    def prefix(xml: bytes) -> bytes:
        xml = re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", xml)
        xml = xml.replace(b"xmlns=", b"xmlns:x=", 1)
        return xml.replace(b'<x:c r="C2" t="s"><x:v>', b'<x:c r="C2"><x:f>A2</x:f></x:c><x:c r="D2" t="s"><x:v>', 1)

    data = with_sheet_xml(workbook(whole_return(pupils=PUPILS)), 3, prefix)
    assert pupils_of(data).select("upn", "sex").rows() == [(UPN, "=A2"), (OTHER_UPN, "M")]


# --- CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding):
    text = "upn,notes,sex\r\nA801200112345,Zoë – £5,F\r\n"
    received = read(csv_zip(whole_return(pupils=text.encode(encoding))))
    assert column(received.tables["pupils"], "sex") == ["F"]
    text = text.replace("notes", "uln")
    assert column(pupils_of(csv_zip(whole_return(pupils=text.encode(encoding)))), "uln") == ["Zoë – £5"]


def test_utf_16_big_endian_with_its_mark():
    data = b"\xfe\xff" + csv_text(PUPILS).encode("utf-16-be")
    assert column(pupils_of(csv_zip(whole_return(pupils=data))), "upn") == [UPN, OTHER_UPN]


def test_bytes_that_windows_1252_does_not_have_stay_visible_as_control_characters():
    assert column(pupils_of(csv_zip(whole_return(pupils=b"upn\r\nA\x81\x93\r\n"))), "upn") == ["A\x81\u201c"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter, line_end):
    data = csv_zip(whole_return(pupils=csv_text(PUPILS, delimiter, line_end)))
    assert pupils_of(data).select("row_number", "upn", "uln", "sex").rows() == [
        (2, UPN, "1234567890", "F"),
        (3, OTHER_UPN, None, "M"),
    ]


def test_a_delimiter_is_told_by_the_header_not_by_the_rows():
    rows = pupils_of(csv_zip(whole_return(pupils="upn;sex\r\nA,1,2,3;F\r\n")))
    assert rows.select("upn", "sex").rows() == [("A,1,2,3", "F")]


def test_a_quoted_delimiter_and_a_doubled_quote_belong_to_the_cell():
    rows = pupils_of(csv_zip(whole_return(pupils='upn,sex\r\n"A,""1""",F\r\n')))
    assert rows.select("upn", "sex").rows() == [('A,"1"', "F")]


def test_a_quoted_line_end_is_no_row():
    rows = pupils_of(csv_zip(whole_return(pupils='upn,sex\r\n"A\r\nB",F\r\nC,M\r\n')))
    assert rows.select("row_number", "upn", "sex").rows() == [(2, "A\r\nB", "F"), (3, "C", "M")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('upn,sex\r\n"A,F\r\nB,M\r\n', [(2, '"A', "F"), (3, "B", "M")]),
        ('upn,sex\r\nA"x,F\r\nB,M\r\n', [(2, 'A"x', "F"), (3, "B", "M")]),
        ('upn,sex\r\n"A"x,F\r\nB,M\r\n', [(2, '"A"x', "F"), (3, "B", "M")]),
        ('upn,sex\r\n"A,F\r\nB,M"\r\nC,F\r\n', [(2, '"A', "F"), (3, "B", 'M"'), (4, "C", "F")]),
        ('upn,sex\r\n"A,F\r\n"B",M\r\n"C","F"\r\n', [(2, '"A', "F"), (3, "B", "M"), (4, "C", "F")]),
        ('upn,sex\r\nA,"F\r\nB,M\r\n\r\nC,F', [(2, "A", '"F'), (3, "B", "M"), (5, "C", "F")]),
    ],
)
def test_a_stray_quote_swallows_no_rows(text, expected):
    assert pupils_of(csv_zip(whole_return(pupils=text))).select("row_number", "upn", "sex").rows() == expected


def test_a_file_of_stray_quotes_is_read_all_the_same():
    rows = pupils_of(csv_zip(whole_return(pupils="upn,sex\r\n" + '"A""x,F\r\n' * 20_000)))
    assert rows.height == 20_000


def test_short_rows_are_blank_at_their_end():
    rows = pupils_of(csv_zip(whole_return(pupils="upn,uln,sex\r\nA\r\n,,F")))
    assert rows.select("upn", "uln", "sex").rows() == [("A", None, None), (None, None, "F")]


def test_one_endless_row_makes_the_file_too_large_and_nothing_else():
    data = csv_zip(whole_return(pupils="upn\r\n" + "A\r\n" * 10_000 + "," * 1_000_000))
    assert read_file(data, CONTRACT, LIMIT).fault == "too_large"


def test_a_file_of_nothing_but_commas_is_too_large():
    assert (
        read_file(csv_zip(whole_return(pupils="upn,sex\r\n" + ",\r\n" * 4_000_000)), CONTRACT, LIMIT).fault
        == "too_large"
    )


PRINTED = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(
    lambda text: text.strip().removesuffix(" 00:00:00")
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PRINTED, PRINTED), min_size=1, max_size=5))
def test_text_is_kept_to_the_letter(cells):
    expected = [(number, upn or None, sex or None) for number, (upn, sex) in enumerate(cells, 2) if upn or sex]
    quoted = "upn,sex\r\n" + "".join('"{}","{}"\r\n'.format(*(c.replace('"', '""') for c in row)) for row in cells)
    for data in (
        workbook(whole_return(pupils=[["upn", "sex"], *map(list, cells)])),
        csv_zip(whole_return(pupils=quoted)),
    ):
        assert pupils_of(data).select("row_number", "upn", "sex").rows() == expected
