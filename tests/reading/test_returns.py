"""Placed returns -> typed rows in the warehouse: read once, whole or not at all, whatever another school sent."""

from datetime import date
from decimal import Decimal

import pytest

from pipelines.landing.archive import ArchiveError, archived_path
from pipelines.reading import files, returns
from pipelines.reading.faults import Unreadable
from pipelines.reading.returns import read_returns
from pipelines.terms import load_calendar
from pipelines.warehouse import raw_tables
from tests.reading.builders import CONTRACT, csv_zip, whole_return, workbook
from tests.reading.conftest import RECEIVED_AT

AUTUMN, SPRING = "2025-26-autumn", "2025-26-spring"
UPN, OTHER_UPN = "A801200112345", "B801200112346"
PUPILS = [
    ["UPN", "Year group", "SEN start date", "below peers", "primary_need"],
    [UPN, 4.0, date(2024, 9, 2), True, "spld"],
    [None],
    [OTHER_UPN, "R", "31/02/2025", "maybe", "SLCN"],
]
GOOD = csv_zip(whole_return(pupils=[["upn", "sex"], [UPN, "F"]]))


def all_rows(connection) -> dict[str, list]:
    """Everything that reading writes, in an order of its own."""
    tables = [*raw_tables(), "raw.sheets", "raw.columns", "ledger.reads", "ledger.audit"]
    return {table: sorted(connection.execute(f"FROM {table}").fetchall(), key=repr) for table in tables}


def test_rows_are_typed_beside_their_text(settings, connection, place):
    place(workbook(whole_return(pupils=PUPILS)), "r1")
    assert read_returns(settings, connection, [AUTUMN]) == {
        "returns_read": 1,
        "returns_unchanged": 0,
        "returns_unreadable": 0,
        "rows": 3,
    }
    cells = connection.execute(
        """
        SELECT
            return_id, return_urn, return_term, row_number, upn, year_group, year_group__text, sen_start_date,
            sen_start_date__text, sen_start_date__fault, below_peers, below_peers__fault, primary_need, sex__text
        FROM raw.pupils ORDER BY row_number
        """
    ).fetchall()
    assert cells == [
        ("r1", "100001", AUTUMN, 2, UPN, "4", "4", date(2024, 9, 2), "2024-09-02", None, True, None, "SPLD", None),
        ("r1", "100001", AUTUMN, 4, OTHER_UPN, "R", "R", None, "31/02/2025", "not_a_date", None, "not_in_list", "SLCN", None),
    ]  # fmt: skip
    whose = connection.execute("SELECT urn, academic_year, term, as_at_date, specification, nil_return FROM raw.return")
    assert whose.fetchall() == [("100001", "2025-26", "AUTUMN", date(2025, 12, 5), "1.0", False)]


def test_every_field_of_the_contract_arrives_in_its_own_type(settings, connection, place):
    arrangements = [
        ["senco_in_post", "senco_award", "senco_first_appointed_date", "pupils_needing_healthcare_plan", "sen_expenditure"],
        ["Y", "nasenco", "1/9/2019", 12, "£12,345.60"],
    ]  # fmt: skip
    place(workbook(whole_return(arrangements=arrangements)), "r1")
    read_returns(settings, connection, [AUTUMN])
    row = connection.execute(f"SELECT {', '.join(arrangements[0])} FROM raw.arrangements").fetchone()
    assert row == (True, "NASENCO", date(2019, 9, 1), 12, Decimal("12345.60"))


def test_sheets_and_columns_found_and_missed_are_written_down(settings, connection, place):
    sheets = whole_return(pupils=[["upn", "Notes", "sex", "Sex"], [UPN, "x", "F", "M"]], Extra=[["x"]])
    del sheets["plans"], sheets["arrangements"]
    place(workbook(sheets), "r1", term=SPRING)
    read_returns(settings, connection, [SPRING])
    found = connection.execute(
        "SELECT table_name, sheet_name, known, found, required, repeated, header_found, rows_received FROM raw.sheets"
    ).fetchall()
    assert len(found) == 9
    assert ("pupils", "pupils", True, True, True, False, True, 1) in found
    assert (None, "Extra", False, True, False, False, None, 0) in found
    assert ("plans", None, True, False, True, False, None, 0) in found
    assert ("arrangements", None, True, False, False, False, None, 0) in found
    columns = connection.execute(
        "SELECT field, column_name, known, found, required, repeated, agrees FROM raw.columns WHERE table_name = 'pupils'"
    ).fetchall()
    assert (None, "Notes", False, True, False, False, True) in columns
    assert ("sex", "sex", True, True, True, True, False) in columns
    assert ("year_group", None, True, False, True, False, True) in columns
    assert connection.execute("SELECT sex, sex__text, sex__fault FROM raw.pupils").fetchall() == [
        (None, "F | M", "differs")
    ]


def test_a_column_twice_in_one_file_changes_no_other_file(settings, connection, place):
    place(csv_zip(whole_return(pupils=[["sex", "Sex"], ["F", "F"], ["M", "F"]])), "r1")
    place(csv_zip(whole_return(pupils=[["sex"], ["F"], ["M"]])), "r2", urn="100002")
    place(csv_zip(whole_return(pupils=[["Sex", "upn", "sex"], ["F", UPN, "F"]])), "r3", urn="100003")
    read_returns(settings, connection, [AUTUMN])
    cells = connection.execute("SELECT return_id, sex, sex__fault FROM raw.pupils ORDER BY return_id, row_number")
    assert cells.fetchall() == [
        ("r1", "F", None),
        ("r1", None, "differs"),
        ("r2", "F", None),
        ("r2", "M", None),
        ("r3", "F", None),
    ]
    agreement = connection.execute("SELECT return_id, agrees FROM raw.columns WHERE repeated ORDER BY return_id")
    assert agreement.fetchall() == [("r1", False), ("r3", True)]


def test_the_audit_says_what_was_in_the_file_and_what_came_out(settings, connection, place):
    place(workbook(whole_return(pupils=PUPILS)), "r1")
    read_returns(settings, connection, [AUTUMN])
    audit = connection.execute(
        "SELECT table_name, rows_in, rows_out FROM ledger.audit WHERE stage = 'reading'"
    ).fetchall()
    assert len(audit) == len(CONTRACT.tables)
    assert {("pupils", 2, 2), ("return", 1, 1), ("plans", 0, 0)} <= set(audit)


def test_what_was_read_is_not_read_again(settings, connection, place, monkeypatch):
    place(GOOD, "r1")
    read_returns(settings, connection, [AUTUMN])
    before = all_rows(connection)
    monkeypatch.setattr(returns, "_read", lambda *_: pytest.fail("it was read again"))
    counts = read_returns(settings, connection, [AUTUMN])
    assert (counts["returns_read"], counts["returns_unchanged"]) == (0, 1)
    assert all_rows(connection) == before
    assert before["ledger.reads"][0][2] == RECEIVED_AT


def test_a_new_calendar_or_reader_reads_again_and_changes_only_what_it_must(settings, connection, place, monkeypatch):
    place(csv_zip(whole_return(plans=[["planned_date"], ["2025-12-01"]])), "r1")
    read_returns(settings, connection, [AUTUMN])
    before = all_rows(connection)
    assert connection.execute("SELECT planned_date__fault FROM raw.plans").fetchall() == [(None,)]
    monkeypatch.setattr(returns, "READER_VERSION", returns.READER_VERSION + 1)
    returns._fingerprint.cache_clear()
    assert read_returns(settings, connection, [AUTUMN])["returns_read"] == 1
    assert all_rows(connection) | {"ledger.reads": None} == before | {"ledger.reads": None}
    calendar = load_calendar(settings)
    earlier = calendar | {
        AUTUMN: calendar[AUTUMN].__class__(**vars(calendar[AUTUMN]) | {"as_at_date": date(2025, 11, 28)})
    }
    monkeypatch.setattr(returns, "load_calendar", lambda _: earlier)
    assert read_returns(settings, connection, [AUTUMN])["returns_read"] == 1
    assert connection.execute("SELECT planned_date__fault FROM raw.plans").fetchall() == [("too_late",)]
    returns._fingerprint.cache_clear()


def test_only_the_terms_asked_for_are_read(settings, connection, place):
    place(GOOD, "r1")
    place(GOOD, "r2", term=SPRING)
    assert read_returns(settings, connection, [SPRING])["returns_read"] == 1
    assert connection.execute("SELECT DISTINCT return_term FROM raw.pupils").fetchall() == [(SPRING,)]
    assert read_returns(settings, connection, [AUTUMN, SPRING])["returns_read"] == 1
    assert read_returns(settings, connection, [])["returns_read"] == 0


def test_files_with_a_fault_are_not_read_and_one_without_a_return_table_is(settings, connection, place):
    sheets = whole_return(pupils=[["upn"], [UPN]])
    del sheets["return"]
    place(b"%PDF-1.7", "r1", fault="pdf", state="rejected")
    place(csv_zip(sheets), "r2", fault="no_return_table")
    place(GOOD, "r3", state="held")
    assert read_returns(settings, connection, [AUTUMN])["returns_read"] == 2
    assert connection.execute("SELECT DISTINCT return_id FROM raw.sheets ORDER BY 1").fetchall() == [("r2",), ("r3",)]
    missing = connection.execute("SELECT table_name FROM raw.sheets WHERE return_id = 'r2' AND NOT found").fetchall()
    assert missing == [("return",)]


def test_a_file_that_turns_out_unreadable_stops_no_other_school(settings, connection, place):
    place(GOOD, "r1")
    place(GOOD[:-100], "r2", urn="100002")  # the pull thought it whole
    place(b"", "r3", urn="100003")
    counts = read_returns(settings, connection, [AUTUMN])
    assert (counts["returns_read"], counts["returns_unreadable"]) == (3, 2)
    faults = connection.execute("SELECT file_id, fault FROM ledger.files ORDER BY 1").fetchall()
    assert faults == [("r1", None), ("r2", "truncated"), ("r3", "empty")]
    assert connection.execute("SELECT DISTINCT return_id FROM raw.sheets").fetchall() == [("r1",)]
    assert read_returns(settings, connection, [AUTUMN])["returns_read"] == 0


def test_a_reader_that_stumbles_is_a_fault_of_that_file(settings, connection, place, monkeypatch, caplog):
    place(GOOD, "r1")
    place(csv_zip(whole_return(pupils=[["upn"], ["stumble"]])), "r2", urn="100002")
    read = files.lay_in_columns

    def stumbling(cells, table):
        if "stumble" in cells.rows()[-1]:
            raise RuntimeError("a cell's text, which must not be in a log")
        return read(cells, table)

    monkeypatch.setattr(files, "lay_in_columns", stumbling)
    assert read_returns(settings, connection, [AUTUMN])["returns_unreadable"] == 1
    assert connection.execute("SELECT fault FROM ledger.files WHERE file_id = 'r2'").fetchall() == [("truncated",)]
    assert "RuntimeError" in caplog.text
    assert "cell" not in caplog.text


def test_bytes_lost_from_the_archive_stop_the_run(settings, connection, place):
    place(GOOD, "r1")
    sha256 = connection.execute("SELECT sha256 FROM ledger.files").fetchone()[0]
    archived_path(settings, sha256).unlink()
    with pytest.raises(ArchiveError):
        read_returns(settings, connection, [AUTUMN])


def test_a_run_killed_between_batches_ends_where_an_undisturbed_one_ends(settings, connection, place, monkeypatch):
    monkeypatch.setattr(returns, "BATCH", 1)
    for number in (1, 2, 3):
        place(csv_zip(whole_return(pupils=[["upn"], [f"A80120011234{number}"]])), f"r{number}", urn=f"10000{number}")
    write = returns._insert_audit

    def killed(connection, batch, received):
        if batch.returns[0].return_id == "r2":
            raise Unreadable("killed")
        write(connection, batch, received)

    monkeypatch.setattr(returns, "_insert_audit", killed)
    with pytest.raises(Unreadable):
        read_returns(settings, connection, [AUTUMN])
    assert connection.execute("SELECT return_id FROM raw.pupils").fetchall() == [("r1",)]
    monkeypatch.setattr(returns, "_insert_audit", write)
    assert read_returns(settings, connection, [AUTUMN])["returns_read"] == 2
    disturbed = all_rows(connection)
    connection.execute("DELETE FROM ledger.reads")
    read_returns(settings, connection, [AUTUMN])
    assert all_rows(connection) == disturbed


def test_a_file_of_an_unknown_specification_is_received_all_the_same(settings, connection, place):
    place(GOOD, "r1", specification="9.9")
    place(GOOD, "r2", specification=None, urn="100002")
    assert read_returns(settings, connection, [AUTUMN])["rows"] == 4


def test_a_term_that_the_calendar_does_not_have_is_read_without_a_window(settings, connection, place):
    place(GOOD, "r1", term="2031-32-autumn")
    assert read_returns(settings, connection, ["2031-32-autumn"])["rows"] == 2


def test_more_returns_than_a_batch_are_all_there(settings, connection, place, monkeypatch):
    monkeypatch.setattr(returns, "BATCH", 3)
    for number in range(8):
        data = csv_zip(whole_return(pupils=[["upn"], *[[f"A8012001123{number}{n}"] for n in range(number)]]))
        place(data, f"r{number}", urn=f"10000{number}")
    assert read_returns(settings, connection, [AUTUMN])["rows"] == 8 + sum(range(8))
    counts = connection.execute("SELECT return_id, count(*) FROM raw.pupils GROUP BY 1 ORDER BY 1").fetchall()
    assert counts == [(f"r{number}", number) for number in range(1, 8)]
