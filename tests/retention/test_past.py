"""What is past its retention on 25 November 2026, two years being kept: all of 2023-24 and before."""

from datetime import date, datetime

import pytest

from pipelines.building.pupil_keys import write_pupil_keys
from pipelines.retention.past import boundary, staying, take_past
from pipelines.retention.rewriting import OLD, in_force
from pipelines.terms import academic_year_of, years_later
from pipelines.warehouse import warehouse

ON = date(2026, 11, 25)
PAST, KEPT = "2023-24-summer", "2024-25-autumn"
RETURNS = {  # return: urn, term, state
    "p1": ("1", PAST, "current"),
    "p1old": ("1", PAST, "superseded"),
    "p2": ("2", PAST, "current"),
    "p1spring": ("1", "2023-24-spring", "current"),
    "k1": ("1", KEPT, "current"),
}


@pytest.fixture
def kept(settings):
    """kept(): table -> the row numbers (or ids) that stay, after what the test has received."""

    def judge(table: str, shown: str) -> list:
        settings_of_two_years = settings.model_copy(update={"retention_years": 2})
        bounds = boundary(settings_of_two_years, ON)
        with warehouse(settings) as connection:
            write_pupil_keys(settings, connection)
        with in_force(settings) as connection:
            take_past(connection, bounds)
            rows = connection.sql(f"SELECT {shown} FROM {OLD}.{table} WHERE {staying(bounds)[table]} ORDER BY ALL")
            return [row[0] if len(row) == 1 else row for row in rows.fetchall()]

    return judge


@pytest.fixture
def receive(settings):
    def insert(table: str, **cells) -> None:
        with warehouse(settings) as connection:
            names, marks = ", ".join(cells), ", ".join("?" for _ in cells)
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(cells.values()))

    for return_id, (urn, term, state) in RETURNS.items():
        common = {
            "urn": urn,
            "term": term,
            "state": state,
            "academic_year": term[:7],
            "received_at": datetime(2024, 7, 1),
        }
        insert("ledger.files", file_id=return_id, path=return_id, **common)
        insert("ledger.returns", return_id=return_id, **common)
    return insert


@pytest.mark.parametrize(
    ("day", "first_kept", "first_open"),
    [
        # two whole years after its own: 2023-24 until the end of August 2026
        (date(2026, 8, 31), "2023-24", "2024-25"),
        (date(2026, 9, 1), "2024-25", "2025-26"),
    ],
)
def test_a_year_is_kept_for_as_many_years_after_it(settings, day, first_kept, first_open):
    bounds = boundary(settings.model_copy(update={"retention_years": 2}), day)
    assert (bounds.first_kept, bounds.first_open) == (first_kept, first_open)
    assert bounds.is_past(years_later(first_kept, -1) + "-summer")
    assert not bounds.is_past(f"{first_kept}-autumn")


def test_a_year_turns_with_september_and_with_the_century():
    assert academic_year_of(date(2025, 8, 31)) == "2024-25"
    assert academic_year_of(date(1999, 9, 1)) == "1999-00"
    assert years_later("1999-00", 1) == "2000-01"


def test_a_past_row_stays_only_where_it_counts_and_its_pupil_is_in_something_kept(receive, kept):
    receive("raw.pupils", return_id="k1", row_number=2, upn="STAYS")
    receive("raw.pupils", return_id="p1", row_number=2, upn="STAYS")
    receive("raw.pupils", return_id="p1", row_number=3, upn="LEFT")
    receive("raw.pupils", return_id="p1", row_number=4, upn="STAYS", sex="F")
    receive("quality.quarantined_rows", return_id="p1", table_name="pupils", row_number=4, term=PAST)
    receive("raw.pupils", return_id="p1old", row_number=2, upn="STAYS")
    assert kept("raw.pupils", "return_id, row_number") == [("k1", 2), ("p1", 2)]


def test_a_pupil_keeps_the_record_under_an_earlier_number_and_at_another_school(receive, kept):
    receive("raw.pupils", return_id="k1", row_number=2, upn="NEW")
    receive("raw.pupils", return_id="p1", row_number=2, upn="NEW", former_upn="OLD")
    receive("raw.pupils", return_id="p2", row_number=2, upn="OLD")
    receive("raw.plans", return_id="p2", row_number=2, upn="OLD")
    receive("raw.plans", return_id="p2", row_number=3, upn="OTHER")
    assert kept("raw.pupils", "return_id") == ["k1", "p1", "p2"]
    assert kept("raw.plans", "row_number") == [2]


def test_whom_the_las_own_files_in_use_name_is_in_something_kept(receive, kept):
    receive("raw.placements", return_id="p1", row_number=2, upn="NAMED")
    receive("raw.placements", return_id="p1", row_number=3, upn="COUNTED")
    receive("raw.placements", return_id="p1", row_number=4, upn="COUNTED BEFORE")
    receive("reference.ehc_plans", upn="NAMED", urn="1")
    receive("reference.census_pupils", upn="COUNTED", census_term=KEPT, sen_provision="E")
    receive("reference.census_pupils", upn="COUNTED BEFORE", census_term=PAST, sen_provision="E")
    assert kept("raw.placements", "row_number") == [2, 3]
    assert kept("reference.census_pupils", "upn") == ["COUNTED"]


def test_whom_a_figure_of_an_open_term_counts_is_in_something_kept_and_who_is_merely_named_in_the_past_is_not(
    receive, kept, settings
):
    """The open terms begin with 2025-26; the figures of the oldest year kept stand without their cases."""
    open_term = "2025-26-autumn"
    seen = {  # pupil: mart, term, standing
        "COUNTED": ("indicator_units", open_term, None),
        "COUNTED BEFORE": ("indicator_units", KEPT, None),
        "REFUSED": ("ehc_admissions", open_term, "due_and_not_admitted"),
        "TO COME": ("ehc_admissions", open_term, "not_yet_due"),
        "REFUSED BEFORE": ("ehc_admissions", KEPT, "due_and_not_admitted"),
        "ON ROLL": ("ehc_admissions", open_term, "already_on_roll"),
        "NOT IN LA DATA": ("ehc_admissions", open_term, "in_return_not_in_la_data"),
    }
    for row, upn in enumerate(seen, start=2):
        receive("raw.placements", return_id="p1", row_number=row, upn=upn)
    with warehouse(settings) as connection:
        write_pupil_keys(settings, connection)
        keys = dict(connection.sql("SELECT identifier, pupil_key FROM restricted.pupil_keys").fetchall())
        connection.execute("CREATE SCHEMA marts")
        for mart in ("indicator_units", "ehc_admissions"):
            connection.execute(f"CREATE TABLE marts.{mart} (pupil_key VARCHAR, term VARCHAR, standing VARCHAR)")
        connection.execute(
            "INSERT INTO marts.indicator_units VALUES (NULL, ?, NULL)", [open_term]
        )  # a school is its unit
    for upn, (mart, term, standing) in seen.items():
        receive(f"marts.{mart}", pupil_key=keys[upn], term=term, standing=standing)
    assert kept("raw.placements", "upn") == ["COUNTED", "REFUSED", "TO COME"]


def test_of_a_schools_past_arrangements_the_last_row_that_counts_stays(receive, kept):
    for return_id in ("p1spring", "p1", "p1old", "p2", "k1"):
        receive("raw.arrangements", return_id=return_id, return_urn=RETURNS[return_id][0], row_number=2)
    assert kept("raw.arrangements", "return_id") == ["k1", "p1", "p2"]


def test_what_was_found_in_a_past_return_goes_whatever_its_pupil(receive, kept):
    receive("raw.pupils", return_id="k1", row_number=2, upn="STAYS")
    for return_id in ("p1", "k1"):
        receive("quality.issues", issue_id=return_id, return_id=return_id, term=RETURNS[return_id][1], upn="STAYS")
    receive("quality.issues", issue_id="unplaced", return_id="some file", term=None)
    receive("ledger.files", file_id="lost", path="lost", received_at=datetime(2024, 8, 31))
    receive("quality.issues", issue_id="lost", return_id="lost", term=None)
    assert kept("quality.issues", "issue_id") == ["k1", "unplaced"]


def test_a_file_that_could_not_be_placed_goes_by_the_day_on_which_it_came_whatever_folder_it_lies_in(receive, settings):
    for path, received in (("in_time", datetime(2024, 9, 1)), ("past", datetime(2024, 8, 31))):
        receive("ledger.files", file_id=path, path=f"{PAST}/{path}.xlsx", state="rejected", received_at=received)
    with in_force(settings) as connection:
        take_past(connection, boundary(settings.model_copy(update={"retention_years": 2}), ON))
        past = connection.sql("SELECT file_id FROM past_files WHERE term IS NULL").fetchall()
    assert past == [("past",)]


def test_an_explanation_stays_as_long_as_what_it_explains(receive, kept):
    for fact, term in (("aaaaaaaaaa000001", KEPT), ("bbbbbbbbbb000002", PAST)):
        receive("quality.issue_lives", fact_id=fact, urn="1", term=term, severity="query")
        receive("quality.explanations", explanation_id=fact, urn="1", fact_id=fact, return_id="p1", term=PAST)
    for row, reference in ((2, "Q-AAAAA-AAAAA"), (3, "q bbbbb bbbbb"), (4, "Q-BBBBB-BBBBB")):
        receive("raw.explanations", return_id="p1", return_urn="1", row_number=row, reference=reference)
    receive("raw.explanations", return_id="k1", return_urn="1", row_number=2, reference="Q-BBBBB-BBBBB")
    assert kept("quality.explanations", "explanation_id") == ["aaaaaaaaaa000001"]
    assert kept("raw.explanations", "return_id, row_number") == [("k1", 2), ("p1", 2)]


def test_a_version_of_the_las_own_files_goes_when_nothing_is_loaded_from_it_any_more(receive, settings):
    for path, kind, state, received in (
        ("in_use.csv", "ehc_plans", "current", datetime(2020, 1, 1)),
        ("replaced.csv", "ehc_plans", "superseded", datetime(2024, 8, 31)),
        ("replaced_later.csv", "ehc_plans", "superseded", datetime(2024, 9, 1)),
        ("census/2024_summer_pupilonroll.csv", "census", "current", datetime(2024, 9, 1)),
        ("census/2024_autumn_pupilonroll.csv", "census", "current", datetime(2024, 12, 1)),
    ):
        receive("ledger.reference_files", path=path, kind=kind, state=state, received_at=received, sha256=path)
    with in_force(settings) as connection:
        take_past(connection, boundary(settings.model_copy(update={"retention_years": 2}), ON))
        past = connection.sql("SELECT path FROM past_reference_files ORDER BY ALL").fetchall()
    assert past == [("census/2024_summer_pupilonroll.csv",), ("replaced.csv",)]
