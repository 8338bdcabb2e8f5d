"""The template as a reader of returns takes it, blank and filled with what a school sent last."""

import io
from datetime import date

import openpyxl
import pytest

from expectations.contracts import load_contract
from pipelines.feedback.template import TemplateError, last_terms_rows, template_version, template_workbook
from pipelines.reading.files import read_file
from pipelines.terms import load_calendar

LIMIT = 10_000_000
CONTRACT = load_contract("1.0")
LEFT, STAYED, IN_YEAR_6, OFF = "A801200125001", "H801200125002", "H801200125003", "H801200125004"


@pytest.fixture
def school(authority):
    """Its summer return, as at 8 July 2025: the register, and what was and was not finished."""
    authority.school()
    authority.insert("ledger.returns", return_id="summer", urn="100001", term="2024-25-summer", state="current")

    def sent(table, **texts):
        authority.insert(
            f"raw.{table}", return_id="summer", row_number=2, **{f"{name}__text": text for name, text in texts.items()}
        )

    sent("arrangements", senco_award="NASENCO")
    sent("pupils", upn=LEFT, year_group="4", sen_provision="K", leaving_date="2025-05-30")
    sent("pupils", upn=STAYED, year_group="R", sen_provision="K", secondary_need="ill-egible")
    sent("pupils", upn=IN_YEAR_6, year_group="6", sen_provision="E", leaving_date="2025-07-22")
    sent("pupils", upn=OFF, year_group="3", sen_provision="N")
    sent("plans", upn=STAYED, planned_date="2025-01-10", ended_date="2025-04-01")
    sent("plans", upn=STAYED, planned_date="2025-04-02")
    sent("plans", upn=LEFT, planned_date="2025-04-02")
    # ten school days before 8 July 2025 is 24 June: a copy of the first was overdue, of the second not yet
    sent("reviews", upn=STAYED, planned_date="2025-01-10", review_date="2025-06-24")
    sent("reviews", upn=STAYED, planned_date="2025-01-10", review_date="2025-06-25")
    sent("reviews", upn=STAYED, planned_date="2025-01-10", review_date="2025-06-26", copy_to_parents_date="2025-06-27")
    sent("specialists", upn=STAYED, service="CAMHS", status="ACTIVE")
    sent("specialists", upn=STAYED, service="OTHER", status="CLOSED")
    sent("placements", upn=STAYED, named_date="2025-03-03")
    return authority


def rows_for(school, term: str) -> dict[str, list[dict]]:
    """What the template of a term begins with, read back from the workbook as a return is."""
    calendar = load_calendar(school.settings)
    rows = last_terms_rows(school.settings, school.connection, CONTRACT, "100001", calendar[term])
    received = read_file(template_workbook(school.settings, CONTRACT, rows), CONTRACT, LIMIT)
    assert received.fault is None
    return {name: table.to_dicts() for name, table in received.tables.items()}


def test_a_blank_template_is_a_return_with_every_sheet_and_column_and_nothing_in_it(settings):
    for version in ("1.0", "1.1"):
        contract = load_contract(version)
        received = read_file(template_workbook(settings, contract), contract, LIMIT)
        assert received.fault is None
        assert all(table.is_empty() for table in received.tables.values())
        assert all(record.found for record in received.columns)
        unknown = [record.sheet_name for record in received.sheets if not record.known and not record.hidden]
        assert unknown == []


def test_every_coded_column_has_a_drop_down_of_its_codes_and_every_heading_a_note(settings):
    contract = load_contract("1.1")
    book = openpyxl.load_workbook(io.BytesIO(template_workbook(settings, contract)))
    for table in contract.tables.values():
        sheet = book[table.name]
        lists = {str(v.sqref).split(":")[0]: v.formula1 for v in sheet.data_validations.dataValidation}
        for cell, f in zip(sheet[1], table.fields.values(), strict=True):
            assert f.label in cell.comment.text
            if f.type in ("code", "yes_no"):
                sheet_name, cells = lists[f"{cell.column_letter}2"].replace("$", "").split("!")
                codes = tuple(row[0].value for row in book[sheet_name][cells])
                assert codes == (f.codes or ("Y", "N")), f.name


def test_in_a_new_year_it_begins_with_who_stayed_a_year_older_and_with_what_is_still_open(school):
    rows = rows_for(school, "2025-26-autumn")
    (own,) = rows["return"]
    assert (own["urn"], own["laestab"], own["academic_year"], own["term"]) == ("100001", "8012001", "2025-26", "autumn")
    assert date.fromisoformat(own["as_at_date"]) == date(2025, 12, 5)
    # who left in July is in the autumn return, in the year group that they left
    assert [(row["upn"], row["year_group"]) for row in rows["pupils"]] == [(STAYED, "1"), (IN_YEAR_6, "6")]
    assert rows["pupils"][0]["secondary_need"] == "ill-egible", "what could not be read stays, to be put right"
    assert [row["review_date"] for row in rows["reviews"]] == ["2025-06-25"]
    assert [row["planned_date"] for row in rows["plans"]] == ["2025-04-02", "2025-01-10"], "with the plan it reviews"
    assert [row["service"] for row in rows["specialists"]] == ["CAMHS"]
    assert rows["arrangements"][0]["senco_award"] == "NASENCO"
    assert rows["placements"] == []


def test_in_the_same_year_it_begins_with_everything_but_the_arrangements(school):
    school.connection.execute("UPDATE ledger.returns SET term = '2025-26-autumn'")
    rows = rows_for(school, "2025-26-spring")
    counts = {name: len(found) for name, found in rows.items()}
    assert (counts["pupils"], counts["plans"], counts["reviews"], counts["specialists"]) == (4, 3, 3, 2)
    assert (counts["arrangements"], counts["return"]) == (0, 1)
    assert rows["pupils"][1]["year_group"] == "R"


def test_a_school_that_has_sent_nothing_begins_with_its_own_row(authority):
    authority.school()
    rows = rows_for(authority, "2025-26-autumn")
    assert {name: len(found) for name, found in rows.items() if found} == {"return": 1}


def test_what_cannot_be_made_is_said_in_a_sentence(authority):
    calendar = load_calendar(authority.settings)
    with pytest.raises(TemplateError, match="no school with the URN 999999"):
        last_terms_rows(authority.settings, authority.connection, CONTRACT, "999999", calendar["2025-26-autumn"])
    with pytest.raises(TemplateError, match=r"There is no specification 9\.9"):
        template_version(None, "9.9")
    with pytest.raises(TemplateError, match=r"2025-26 are made to specification 1\.0"):
        template_version(calendar["2025-26-autumn"], "1.1")
    assert template_version(calendar["2026-27-autumn"], None) == "1.1"
    assert template_version(None, None) == "1.1"
