"""The optional sheet of explanations, and a feedback workbook that comes back as a return."""

import pytest

from pipelines.reading.returns import read_returns
from tests.reading.builders import csv_zip, whole_return, workbook

AUTUMN = "2025-26-autumn"
UPN = "A801200112345"
PUPILS = [["upn", "sex"], [UPN, "F"]]
SHEET = [["reference", "explanation"], ["Q-3F9A0-7BE1C", "He left in October."], [None, None], ["Q-00000-00001", None]]


@pytest.fixture
def read(settings, connection, place):
    def put(data: bytes, return_id: str = "r1") -> None:
        place(data, return_id)
        read_returns(settings, connection, [AUTUMN])

    return put


def explanations(connection) -> list[tuple]:
    return connection.sql(
        "SELECT row_number, reference, explanation, prefilled, header_found FROM raw.explanations ORDER BY ALL"
    ).fetchall()


def unknown(connection) -> list[tuple]:
    """Sheets and columns that are not the return's."""
    return connection.sql("""
        SELECT sheet_name FROM raw.sheets WHERE NOT known
        UNION ALL SELECT column_name FROM raw.columns WHERE NOT known
    """).fetchall()


@pytest.mark.parametrize("pack", [workbook, csv_zip], ids=["a workbook", "a ZIP"])
def test_the_sheet_of_explanations_is_read_beside_the_tables(read, connection, pack):
    read(pack(whole_return(pupils=PUPILS, explanations=SHEET)))

    assert explanations(connection) == [
        (2, "Q-3F9A0-7BE1C", "He left in October.", False, True),
        (4, "Q-00000-00001", None, False, True),
    ]
    assert unknown(connection) == []
    # it is no table of the return: nothing is counted of it
    assert connection.sql("SELECT count(*) FROM raw.sheets").fetchone() == (8,)
    assert connection.sql("SELECT count(*) FROM ledger.audit WHERE table_name = 'explanations'").fetchone() == (0,)


def test_a_return_without_the_sheet_lacks_nothing(read, connection):
    read(workbook(whole_return(pupils=PUPILS)))
    assert explanations(connection) == []
    assert connection.sql("SELECT count(*) FROM raw.sheets WHERE NOT found").fetchone() == (0,)


def test_rows_that_the_feedback_workbook_had_already_are_told_from_those_typed_by_hand(read, connection):
    sheet = [
        ["Reference", "sheet", "row", "UPN", "Question", "Explanation"],
        ["Q-1", "pupils", 2, UPN, "No plan?", None],
        ["Q-2", "pupils", 3, UPN, "No plan?", "New this week."],
        [None, None, None, None, None, "Typed below the last row."],
        [None, None, None, None, "Our words alone", None],
    ]
    read(workbook(whole_return(pupils=PUPILS, explanations=sheet)))
    assert explanations(connection) == [
        (2, "Q-1", None, True, True),
        (3, "Q-2", "New this week.", True, True),
        (4, None, "Typed below the last row.", False, True),
    ]


def test_a_sheet_without_its_headings_is_one_row_that_says_so_and_an_empty_one_is_nothing(read, connection):
    read(workbook(whole_return(pupils=PUPILS, explanations=[["Dear Sam"], ["It is all right."]])))
    assert explanations(connection) == [(1, None, None, False, False)]

    read(workbook(whole_return(pupils=PUPILS, explanations=[])), "r2")
    assert connection.sql("SELECT count(*) FROM raw.explanations WHERE return_id = 'r2'").fetchone() == (0,)


def test_our_own_sheets_and_columns_are_passed_over_and_surplus_stays_surplus(read, connection):
    pupils = [
        ["upn", "sex", "beyond the last column", "feedback"],
        [UPN, "F", None, "Error in sex: ..."],
        [UPN, "M", "see note", None],
    ]
    sheets = {"Issues": [["No.", "Rule"], [1, "PUP07"]], "Read me": [["Feedback on your SEN return"]]}
    read(workbook(sheets | whole_return(pupils=pupils)))

    assert unknown(connection) == []
    assert connection.sql("SELECT row_number, sex, surplus FROM raw.pupils ORDER BY ALL").fetchall() == [
        (2, "F", None),
        (3, "M", "see note"),
    ]


def test_reading_again_puts_explanations_in_the_place_of_what_was_there(settings, read, connection):
    read(workbook(whole_return(pupils=PUPILS, explanations=SHEET)))
    before = explanations(connection)
    connection.execute("DELETE FROM ledger.reads")
    read_returns(settings, connection, [AUTUMN])
    assert explanations(connection) == before
