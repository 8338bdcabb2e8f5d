from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reference.extracts import BrokenExtractError, count_rows, decode, read_extract
from pipelines.reference.sources import COLLECTIONS, SOURCES, kind_of
from tests.reference.conftest import GIAS_HEADER, GIAS_ROWS, gias

BY_KIND = {source.kind: source for source in SOURCES}
UPN = "A801200125001"


def read(kind: str, text: str | bytes, urns=("100001", "100002")):
    return read_extract(BY_KIND[kind], text.encode() if isinstance(text, str) else text, urns)


def rows(kind: str, text: str | bytes) -> list[tuple]:
    return read(kind, text).table.rows()


# What GIAS sends


def test_gias_is_read_as_windows_1252_with_text_kept_as_text():
    extract = read("gias", gias())
    first, second = extract.table.to_dicts()
    assert (extract.rows, extract.encoding, extract.fault) == (2, "cp1252", None)
    assert (
        first
        | {
            "urn": "100001",
            "laestab": "8012001",
            "name": "St Anne's",
            "open_date": date(1990, 9, 1),
            "close_date": None,
            "low_age": 3,
            "number_of_pupils": 210,
            "trust_code": None,
            "section_41": False,
        }
        == first
    )
    assert (
        second
        | {
            "name": "Café School",
            "status_code": "3",
            "status": "Open, but proposed to close",
            "close_date": date(2026, 8, 31),
            "trust_code": "5001",
            "section_41": True,
        }
        == second
    )


@pytest.mark.parametrize(
    ("encoding", "known_as"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16")]
)
def test_a_gias_file_that_someone_saved_anew_is_read_too(encoding, known_as):
    extract = read("gias", gias().decode("cp1252").encode(encoding))
    assert extract.encoding == known_as
    assert extract.table["name"].to_list() == ["St Anne's", "Café School"]


def test_both_of_gias_forms_of_dates_and_iso_are_read():
    source = GIAS_ROWS[0]
    texts = ["01-09-1990", "01/09/1990", "1/9/1990", "1990-09-01"]
    table = read(
        "gias", gias(*[source.replace("01-09-1990", t).replace("100001", f"10000{n}") for n, t in enumerate(texts)])
    ).table
    assert table["open_date"].to_list() == [date(1990, 9, 1)] * 4


def test_columns_that_gias_drops_never_fail_and_are_blank():
    table = read(
        "gias", gias("100001,801,2001,School", header="URN,LA (code),EstablishmentNumber,EstablishmentName")
    ).table
    assert (
        table.to_dicts()[0] | {"laestab": "8012001", "status": None, "open_date": None, "section_41": None}
        == table.to_dicts()[0]
    )


def test_zeros_that_a_spreadsheet_took_come_back_and_no_number_means_no_laestab():
    header = "URN,LA (code),EstablishmentNumber,EstablishmentName"
    table = read("gias", gias("100001,801,12,School", "100002,801,,Centre", header=header)).table
    assert table["laestab"].to_list() == ["8010012", None]


def test_status_is_known_from_its_code_or_its_name():
    header = "URN,LA (code),EstablishmentNumber,EstablishmentName,EstablishmentStatus (code)"
    assert read("gias", gias("100001,801,2001,School,2", header=header)).table["status"].to_list() == ["Closed"]
    header = header.replace("(code)", "(name)").replace("LA (name)", "LA (code)")
    assert read("gias", gias("100001,801,2001,School,Closed", header=header)).table["status_code"].to_list() == ["2"]


def test_a_school_twice_is_once():
    extract = read("gias", gias(GIAS_ROWS[0], GIAS_ROWS[0]))
    assert extract.table.height == 1
    assert extract.fault == "1 row repeated another and counted once"


# The LA's extracts


def test_a_plan_names_a_school_with_everything_typed():
    text = f"""UPN;URN;Named date;phase-transfer;expected_start_date;ceased_date
 {UPN.lower()} ;100001;2/9/2025;y;2026-09-01 00:00:00;
1234567890;100002;02-09-2025;No;;31/08/2026
"""
    assert rows("ehc_plans", text) == [
        (UPN, "100001", date(2025, 9, 2), True, date(2026, 9, 1), None),
        ("1234567890", "100002", date(2025, 9, 2), False, None, date(2026, 8, 31)),
    ]


def test_what_cannot_be_read_is_named_by_row_and_column_and_no_pupil():
    text = f"""upn,urn,named_date,phase_transfer,expected_start_date,ceased_date
{UPN},100001,2025-09-02,N,2026-02-31,

{UPN},100001,02/09/25,N,,
{UPN},999999,2025-09-02,N,,
,100001,2025-09-02,N,,
A80120012500,100002,2025-09-02,maybe,,
{UPN},100002,2025-09-02,N,,
"""
    extract = read("ehc_plans", text)
    # the first keeps its place with a date blank; rows 4 to 7 can't be told whose or when they are
    assert extract.table.rows() == [
        (UPN, "100001", date(2025, 9, 2), False, None, None),
        (UPN, "100002", date(2025, 9, 2), False, None, None),
    ]
    assert extract.rows == 6
    assert extract.fault == (
        "5 rows could not be read as a whole: row 2 (expected_start_date); row 4 (named_date); row 5 (urn); row 6 (upn); "
        "row 7 (upn, phase_transfer)"
    )
    assert "A80" not in extract.fault


def test_of_many_rows_at_fault_twenty_are_named_and_the_rest_counted():
    text = "upn,urn,named_date\n" + f"{UPN},100001,soon\n" * 25
    fault = read("ehc_plans", text).fault
    assert fault.startswith("25 rows could not be read as a whole: row 2 (named_date); row 3 (named_date)")
    assert fault.endswith("row 21 (named_date); and 5 more")


def test_a_quoted_line_end_does_not_count_as_a_row():
    text = 'upn,urn,named_date,"a\nnote"\n' + f'{UPN},100001,2025-09-02,"one\ntwo"\n{UPN},100001,soon,\n'
    assert read("ehc_plans", text).fault == "1 row could not be read as a whole: row 3 (named_date)"


def test_addresses_that_are_none_are_left_out():
    text = """urn,name,email,role
100001,A,senco@school.example,senco
100001,B,"x@school.example
Bcc: y@evil.example",SENCO
100001,C,no address,OFFICE
100001,D,"a@school.example, b@school.example",OFFICE
999999,E,e@school.example,OFFICE
100002,F,f@school.example,Caretaker
"""
    extract = read("contacts", text)
    assert extract.table.rows() == [
        ("100001", "A", "senco@school.example", "SENCO"),
        ("100002", "F", "f@school.example", "CARETAKER"),
    ]
    assert extract.fault == (
        "5 rows could not be read as a whole: row 3 (email); row 4 (email); row 5 (email); row 6 (urn); row 7 (role)"
    )


def test_an_address_may_have_an_apostrophe_and_more():
    text = "urn,name,email,role\n100001,A,m.o'neill+sen@st-anne's.example,SENCO\n100001,A,m.o'neill+sen@st-anne.sch.uk,SENCO\n"
    assert [row[2] for row in rows("contacts", text)] == ["m.o'neill+sen@st-anne.sch.uk"]


def test_a_pupil_twice_in_the_context_is_the_pupil_once_and_yes_wins():
    text = f"upn,looked_after,top_up_funding\n{UPN},N,Y\n{UPN},Y,\nB801200125001,,\n"
    extract = read("pupil_context", text)
    assert extract.table.rows() == [(UPN, True, True), ("B801200125001", None, None)]
    assert extract.fault == "1 row repeated another and counted once"


def test_a_file_with_a_header_alone_has_no_rows():
    extract = read("pupil_context", "upn,looked_after,top_up_funding\n")
    assert (extract.table.rows(), extract.rows, extract.fault) == ([], 0, None)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_line_end_and_delimiter_will_do(line_end, delimiter):
    text = line_end.join(["upn,looked_after,top_up_funding", f"{UPN},Y,N", ""]).replace(",", delimiter)
    assert rows("pupil_context", text) == [(UPN, True, False)]


def test_cells_left_off_or_added_blank_at_a_rows_end_are_blank():
    assert rows("pupil_context", f"upn,looked_after,top_up_funding\n{UPN},Y\nB801200125001,N,N,,\n") == [
        (UPN, True, None),
        ("B801200125001", False, False),
    ]


# Files that can't be used


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty: its first row must hold the columns' names"),
        (b"\n\n", "does not begin with the columns' names"),
        (b"upn,urn\nx,y\n", "lacks the column 'named_date'"),
        (b"upn\nx\n", "lacks the columns 'urn', 'named_date'"),
        (b"upn,urn,named_date,UPN\n", "has twice the column 'upn'"),
        (b"upn,urn,named_date\nA,1,2025-09-02,more\n", "has more cells in row 2 than in its first row"),
        (b"upn,urn,named_date\nA,1,2025-09-02\nA,1", "breaks off in row 3: put the whole file here"),
        (b'upn,urn,named_date\nA,1,"2025\nA,1,2025-09-02\n', "cannot be read from row 2 on: a quote is missing there"),
        (b'upn,urn,named_date\n"A"x,1,2025\n', "cannot be read from row 2 on: a quote is missing there"),
        ("upn,urn,named_date\n".encode("utf-16-le"), "is no CSV text: save it as 'CSV UTF-8' and put it here again"),
        (b"PK\x03\x04\0\0\0", "is no CSV text: save it as 'CSV UTF-8' and put it here again"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(content, says):
    with pytest.raises(BrokenExtractError) as broken:
        read("ehc_plans", content)
    assert str(broken.value) == says


def test_the_rows_of_a_file_that_is_only_kept_are_counted():
    assert count_rows(b"a,b\n1,2\n\n3,4\n") == (2, "utf-8")


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: f"upn,urn,named_date\n{text}".encode("utf-8", "replace"))
)
def test_any_bytes_are_a_table_or_a_sentence(data):
    try:
        extract = read("ehc_plans", data)
    except BrokenExtractError:
        return
    assert set(extract.table.columns) == {column.name for column in BY_KIND["ehc_plans"].columns}


@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=50).filter(
        lambda t: not t.startswith("\ufeff")
    )
)
def test_utf_8_text_comes_through_as_it_is(text):
    assert decode(text.encode())[0] == text


# What a file is


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("edubasealldata20251201.csv", "gias"),
        ("EdubaseAllData20251201.CSV", "gias"),
        ("old/edubasealldata20251201.csv", "other"),
        ("links_edubasealldata20251201.csv", "gias_links"),
        ("contacts.csv", "contacts"),
        ("ehc_plans.csv", "ehc_plans"),
        ("pupil_context.csv", "pupil_context"),
        ("notional_budgets.csv", "notional_budgets"),
        ("targets.csv", "targets"),
        ("parameters.csv", "parameters"),
        ("duty_applies_to.csv", "duty_applies_to"),
        ("calendar.csv", "calendar"),
        ("sen2/2026/named_plan.csv", "sen2"),
        ("sen2/named_plan.csv", "other"),
        ("census/autumn.csv", "census"),
        ("ees/sen.zip", "ees"),
        ("notes.docx", "other"),
    ],
)
def test_a_path_says_what_a_file_is(path, kind):
    assert kind_of(path) == kind


def test_every_column_of_a_source_is_in_its_table():
    from pipelines.warehouse import TABLES

    for source in SOURCES:
        if source.table:
            columns = {column.split()[0] for column in TABLES[source.table].split(",")}
            assert {column.name for column in source.columns} <= columns, source.kind
            assert set(source.key) <= columns
    for collection in COLLECTIONS:
        assert set(collection.tables) <= set(TABLES)


def test_the_header_of_the_example_is_gias_own():
    names = {column.header for column in BY_KIND["gias"].columns}
    assert set(GIAS_HEADER.split(",")) <= names


def test_a_budget_is_in_pounds_of_a_financial_year_however_they_are_written():
    text = """urn,financial_year,amount
100001,2025-26,"£41,250.50"
100001,2024/25,40000
100002,2025-2026,9
100002,2025-27,9
100002,2023-24,-9
"""
    extract = read("notional_budgets", text)
    assert [(*row[:2], float(row[2])) for row in extract.table.rows()] == [
        ("100001", "2025-26", 41250.50),
        ("100001", "2024-25", 40000.0),
        ("100002", "2025-26", 9.0),
    ]
    assert extract.fault == "2 rows could not be read as a whole: row 5 (financial_year); row 6 (amount)"


def test_a_target_is_a_share_however_it_is_written_and_what_is_none_is_said_with_what_it_must_be():
    text = """indicator_id,target,valid_from
REV01,0.85,2025-09-01
rev02,80%,01/09/2025
REV03,1,2025-09-01
REV04,85,2025-09-01
REV05,1.2,2025-09-01
REV99,0.9,2025-09-01
PRG01,0.9,2025-09-01
REV06,0.9,soon
"""
    extract = read("targets", text)
    assert extract.table.rows() == [
        ("REV01", 0.85, date(2025, 9, 1)),
        ("REV02", 0.8, date(2025, 9, 1)),
        ("REV03", 1.0, date(2025, 9, 1)),
    ]
    assert extract.fault == (
        "5 rows could not be read as a whole: row 5 (target); row 6 (target); row 7 (indicator_id); row 8 (indicator_id); "
        "row 9 (valid_from). 'target' must be a share from 0 to 1 (0.9) or a percentage (90%). 'indicator_id' must be the "
        "code of an indicator that is rated (REV01). 'valid_from' must be the day from which on it holds (2026-09-01)"
    )


def test_a_number_of_the_definitions_is_whole_and_one_that_there_is():
    text = """parameter,value,valid_from
reviews_a_year,4,2025-09-01
Copy_School_Days,0,2025-09-01
spell_days,90.5,2025-09-01
spell_weeks,12,2025-09-01
"""
    extract = read("parameters", text)
    assert extract.table.rows() == [
        ("reviews_a_year", 4, date(2025, 9, 1)),
        ("copy_school_days", 0, date(2025, 9, 1)),
    ]
    assert "row 4 (value); row 5 (parameter)" in extract.fault
    assert "'value' must be a whole number, 0 or more" in extract.fault


def test_whom_a_duty_applies_to_is_said_by_a_kind_of_school_that_there_is():
    text = """indicator_id,school_kind,applies_as,valid_from,reason
NPR04,special,duty,2025-09-01,we ask it of all
SCH05,all,not,2025-09-01,
SCH05,private,not,2025-09-01,
SCH05,nursery,perhaps,2025-09-01,
"""
    extract = read("duty_applies_to", text)
    assert extract.table.rows() == [
        ("NPR04", "special", "duty", date(2025, 9, 1)),
        ("SCH05", "all", "not", date(2025, 9, 1)),
    ]
    assert "'applies_as' must be one of duty, good_practice, not" in extract.fault
