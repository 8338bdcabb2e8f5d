"""A feedback workbook that a school corrects, explains in and sends back is its new return."""

from datetime import date, datetime

import openpyxl
import pytest

from expectations.contracts import load_contract
from pipelines.checking import check_terms
from pipelines.feedback import answer_schools
from pipelines.landing import pull
from pipelines.reading.returns import read_returns
from pipelines.settings import Settings
from pipelines.warehouse import warehouse
from tests.checking.received import USUAL, upn
from tests.reading.builders import workbook

TERM = "2025-26-autumn"
CONTRACT = load_contract("1.0")
FIRST = "8012001_2025-26_autumn_01.xlsx"


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, data_dir=tmp_path / "data", settling_seconds=0, pseudonym_key="the tests' own")


def return_of_the_school() -> bytes:
    """Three pupils: of one the sex is no code (an error), two have no plan (queries)."""
    sheets = {}
    for table, contract in CONTRACT.tables.items():
        rows = {
            "return": [USUAL["return"]],
            "arrangements": [USUAL["arrangements"]],
            "pupils": [USUAL["pupils"] | {"upn": upn(1001 + n)} for n in range(3)],
            "plans": [USUAL["plans"] | {"upn": upn(1001)}],
        }.get(table, [])
        sheets[table] = [list(contract.fields), *([row.get(name) for name in contract.fields] for row in rows)]
    sheets["pupils"][1][list(CONTRACT.tables["pupils"].fields).index("sex")] = "Q"
    # something to the right of the last column: an error as well, and its row is not counted
    sheets["pupils"][3] = [*sheets["pupils"][3], None, "see note"]
    return workbook(sheets)


def run(settings, connection, at: datetime) -> None:
    pull(settings, connection, at)
    read_returns(settings, connection, [TERM])
    check_terms(settings, connection, [TERM])
    answer_schools(settings, connection, [TERM], at.date())


def found(connection) -> list[tuple]:
    return connection.sql("""
        SELECT rule_code, table_name, row_number FROM quality.issues
        INNER JOIN ledger.files ON file_id = return_id AND state = 'current' ORDER BY ALL
    """).fetchall()


def test_a_feedback_workbook_comes_back_as_the_return_and_its_explanations_are_kept(settings):
    landing = settings.data_dir / "landing"
    landing.mkdir(parents=True)
    (landing / FIRST).write_bytes(return_of_the_school())
    with warehouse(settings) as connection:
        connection.execute("""
            INSERT INTO reference.schools BY NAME
            SELECT '100001' AS urn, '801' AS la_code, '8012001' AS laestab, 'Oakfield' AS name, '1' AS status_code,
                'Open' AS status, '2' AS phase_code, 'Primary' AS phase
        """)
        run(settings, connection, datetime(2025, 12, 9, 9, 0))
        assert found(connection) == [
            ("PUP.row.surplus", "pupils", 4),
            ("PUP.sex.code", "pupils", 2),
            ("PUP16", "pupils", 3),
            ("PUP16", "pupils", 4),
        ]

        [sent_back] = (settings.data_dir / "outbox").rglob("*.xlsx")
        book = openpyxl.load_workbook(sent_back)
        pupils = book["pupils"]
        places = {cell.value: cell.column for cell in pupils[1]}
        pupils.cell(2, places["sex"]).value = "F"
        explanations = book["explanations"]
        columns = {cell.value: cell.column for cell in explanations[1]}
        assert [explanations.cell(row, columns["row"]).value for row in (2, 3)] == ["3", "4"]
        explanations.cell(2, columns["explanation"]).value = "She came last week."
        book.save(landing / "8012001_2025-26_autumn_02.xlsx")
        run(settings, connection, datetime(2025, 12, 11, 9, 0))

        # the sex is corrected; what stood beyond the last column still does; nothing is said of our own sheets and notes
        assert found(connection) == [
            ("PUP.row.surplus", "pupils", 4),
            ("PUP16", "pupils", 3),
            ("PUP16", "pupils", 4),
        ]
        second = "(SELECT file_id FROM ledger.files WHERE state = 'current')"
        assert connection.sql(f"""
            SELECT rule_code FROM quality.issue_lives WHERE corrected_by_return_id = {second}
        """).fetchall() == [("PUP.sex.code",)]
        assert connection.sql(f"""
            SELECT lives.last_row_number, explanations.text, explanations.given_at
            FROM quality.explanations AS explanations
            INNER JOIN quality.issue_lives AS lives USING (urn, fact_id)
            WHERE explanations.return_id = {second}
        """).fetchall() == [(3, "She came last week.", date(2025, 12, 11))]
        kept = connection.sql("SELECT row_number, upn, sex FROM raw.pupils WHERE return_id = " + second).fetchall()
        assert sorted(kept) == [(2 + n, upn(1001 + n), "F") for n in range(3)]
