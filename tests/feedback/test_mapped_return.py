"""From a school's own exports to a return: what is known is in our words, what is not is said and stays to be found."""

import io
import zipfile

import polars as pl
import pytest
import xlsxwriter
from typer.testing import CliRunner

from expectations.contracts import load_contract
from expectations.mappings import load_mapping
from pipelines.cli import app
from pipelines.feedback.mapped_return import fault_sentence, in_lines, mapped_workbook
from pipelines.reading.exports import MappedReturn, UnreadableExport, map_exports
from pipelines.reading.files import read_file
from pipelines.reading.typed import type_rows
from pipelines.terms import load_calendar

CONTRACT = load_contract("1.0")
MAPPING = load_mapping("typical_mis")
LIMIT = 10_000_000
AMY, BEN, CAL, DEE = "H801200001001", "X801200001002", "A801200002005", "D801200002007"

STATUS = f"""\
SEN register, as at 5 December 2025
UPN,Legal Surname,Year group,Sex,Enrolment status,SEN Status,SEN start date,Admission date,Works below peers,Tutor
{AMY},SURNAME1,Year 3,Female,Current,SEN Support,09 Sep 2024,05/09/2022,Yes,A tutor
{BEN},SURNAME2,Reception,Male,Current,"Education, Health and Care Plan",1-Feb-2023,2025-09-05,No,A tutor
{CAL},SURNAME3,5,M,C,On watch,01/02/2023,05/09/2020,No,A tutor
{DEE},SURNAME4,Year 5,Male,Current,No Special Educational Need,,05/09/2020,No,A tutor
"""
NEEDS = f"""\
UPN;Legal Surname;SEN need type;Rank;Start date;End date
{AMY.lower()};SURNAME1;Speech, Language and Communication Needs;1;01/09/2024;
{AMY};SURNAME1;SEMH;2;01/09/2024;
{AMY};SURNAME1;Moderate Learning Difficulty;3;01/09/2024;
{BEN};SURNAME2;Autistic Spectrum Disorder;1;01/09/2023;
{BEN};SURNAME2;Moderate Learning Difficulty;1;01/09/2020;01/09/2023
{CAL};SURNAME3;Dyslexia;1;01/09/2020;
"""
PLANS = f"""\
UPN,Plan start date,Assessment date,Review due date,Plan end date,Plan agreed in full,Targets measurable,Parents agreed
{AMY},15/09/2025,10/09/2025,15/12/2025,,Met,Yes,Not met
"""
REVIEWS = f"""\
UPN,Plan start date,Review date,Review led by,Parent attendance,Progress,Support delivered,Next step
{AMY},15/09/2025,18/11/2025,Class teacher,Attended,Better than expected,In full,Refer to specialist
"""


def mapped(*texts: str) -> MappedReturn:
    files = [(f"export{number}.csv", text.encode()) for number, text in enumerate(texts, start=1)]
    return map_exports(MAPPING, files, CONTRACT, LIMIT)


def pupils_of(found: MappedReturn) -> dict[str, dict[str, str | None]]:
    return {row["upn"]: row for row in found.rows["pupils"].to_dicts()}


def test_status_and_needs_make_one_row_a_pupil_in_our_codes():
    pupils = pupils_of(mapped(STATUS, NEEDS))
    assert list(pupils) == [AMY, BEN, CAL]
    amy = {name: text for name, text in pupils[AMY].items() if text}
    assert amy == {
        "upn": AMY, "year_group": "3", "sex": "F", "enrolment": "C", "sen_provision": "K", "sen_start_date": "2024-09-09",
        "primary_need": "SLCN", "secondary_need": "SEMH", "below_peers": "Y", "entry_date": "05/09/2022",
    }  # fmt: skip
    # the need that had ended is none of Ben's, and a date of either style of the system is a date
    assert {name: pupils[BEN][name] for name in ("sen_provision", "year_group", "primary_need", "secondary_need")} == {
        "sen_provision": "E", "year_group": "R", "primary_need": "ASD", "secondary_need": None,
    }  # fmt: skip
    assert pupils[BEN]["sen_start_date"] == "2023-02-01"


def test_the_order_of_the_files_makes_no_difference():
    one, other = pupils_of(mapped(STATUS, NEEDS)), pupils_of(mapped(NEEDS, STATUS))
    assert one == other


def test_plans_and_reviews_are_rows_of_their_tables_in_our_codes():
    found = mapped(PLANS, REVIEWS)
    [plan], [review] = found.rows["plans"].to_dicts(), found.rows["reviews"].to_dicts()
    assert [plan[name] for name in ("planned_date", "complete", "targets_measurable", "parents_agreed")] == [
        "15/09/2025", "Y", "Y", "N",
    ]  # fmt: skip
    assert [review[name] for name in ("led_by", "parents_part", "progress", "support_delivered", "next_step")] == [
        "TEACHER", "TOOK_PART", "EXCEEDED", "FULLY", "INVOLVE_SPECIALIST",
    ]  # fmt: skip
    # what nothing gives is said, to be filled in
    assert found.blank == {"plans": ["staff_trained", "teacher_responsible"], "reviews": []}
    assert found.not_given == ["sen_status", "sen_needs"]
    assert found.is_whole


def test_a_code_that_is_not_known_stays_as_it_is_and_the_reading_of_the_return_finds_it(settings):
    workbook, found = made(settings, STATUS, NEEDS)
    assert not found.is_whole
    unknown = {(code.heading, code.text, code.rows) for e in found.exports for code in e.codes if code.ours is None}
    assert unknown == {("SEN Status", "On watch", 1), ("SEN need type", "Dyslexia", 1)}
    received = read_file(workbook, CONTRACT, LIMIT)
    typed = type_rows(received.tables["pupils"], CONTRACT.tables["pupils"], pl.lit("2025-12-05").str.to_date())
    assert typed["sen_provision__fault"].to_list() == [None, None, "not_in_list"]
    assert typed["sen_provision__text"].to_list() == ["K", "E", "On watch"]
    assert typed["primary_need__fault"].to_list() == [None, None, "not_in_list"]
    said = in_lines(found)
    assert "NOT KNOWN  'On watch' in SEN Status (1 row)" in said
    assert "'Education, Health and Care Plan' is E" in said


def test_a_heading_that_is_not_known_is_said_and_found_and_its_cells_stay_at_the_school(settings):
    workbook, found = made(settings, STATUS)
    assert [export.unknown for export in found.exports] == [["Tutor"]]
    assert "NOT KNOWN  heading 'Tutor'" in in_lines(found)
    received = read_file(workbook, CONTRACT, LIMIT)
    assert [column.column_name for column in received.columns if not column.known] == ["Tutor"]
    # every text of a workbook is there, whatever the sheet
    texts = texts_of(workbook)
    assert AMY in texts
    assert "A tutor" not in texts
    assert "SURNAME1" not in texts


def test_rows_that_are_left_out_are_counted_with_the_reason():
    status, needs = mapped(STATUS, NEEDS).exports
    assert status.left_out == {"SEN Status is 'No Special Educational Need' and SEN start date is blank": 1}
    assert needs.left_out == {"End date is filled in": 1, "rank 3: the return has no field for it": 1}


def test_whoever_came_off_the_register_stays_in_the_return():
    off = STATUS.replace("No Special Educational Need,,", "No Special Educational Need,01/03/2021,")
    assert pupils_of(mapped(off))[DEE]["sen_provision"] == "N"


def test_two_needs_of_one_rank_stand_together_so_that_the_check_finds_them():
    both = NEEDS.replace("SEMH;2", "SEMH;1")
    assert pupils_of(mapped(STATUS, both))[AMY]["primary_need"] == "SLCN | SEMH"


def test_a_need_without_a_rank_is_no_need_and_is_counted():
    found = mapped(STATUS, NEEDS.replace("SEMH;2", "SEMH;"))
    assert pupils_of(found)[AMY]["secondary_need"] is None
    assert found.exports[1].left_out["blank rank: the return has no field for it"] == 1


def test_a_pupil_of_the_needs_alone_is_a_row_whose_blanks_the_check_finds():
    found = pupils_of(mapped(STATUS, "UPN,Rank,Need type\nT801200002008,1,ASD\n"))
    assert (found["T801200002008"]["primary_need"], found["T801200002008"]["sex"]) == ("ASD", None)


def test_what_two_exports_say_differently_stands_together():
    found = pupils_of(mapped(STATUS, f"UPN,ULN,Rank,Need type,Sex\n{AMY},1000000043,1,ASD,Male\n{BEN},,1,ASD,Male\n"))
    assert (found[AMY]["sex"], found[BEN]["sex"], found[AMY]["uln"]) == ("F | M", "M", "1000000043")


def test_cells_without_a_heading_are_counted():
    found = mapped(PLANS.replace("Parents agreed\n", "Parents agreed,\n").replace("Not met\n", "Not met,see file\n"))
    assert found.exports[0].left_out == {"cells without a heading": 1}


def test_a_two_digit_year_is_left_to_the_check():
    found = pupils_of(mapped(STATUS.replace("09 Sep 2024", "09 Sep 24")))
    assert found[AMY]["sen_start_date"] == "09 Sep 24"


def test_a_workbook_is_an_export_a_sheet_and_real_dates_are_dates():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet("Plans")
        sheet.write_row(0, 0, ["UPN", "Plan start date", "Review due date"])
        sheet.write_string(1, 0, AMY)
        for column, day in ((1, 45915), (2, 46006)):  # 15 September and 15 December 2025
            sheet.write_number(1, column, day, book.add_format({"num_format": "dd/mm/yyyy"}))
        book.add_worksheet("Notes").write_string(0, 0, "nothing of ours")
        book.add_worksheet("Empty")
    found = map_exports(MAPPING, [("ours.xlsx", out.getvalue())], CONTRACT, LIMIT)
    [plan] = found.rows["plans"].to_dicts()
    assert (plan["planned_date"], plan["review_due_date"]) == ("2025-09-15", "2025-12-15")
    assert found.unmatched == ["ours.xlsx, sheet 'Notes'"]
    assert "Notes" in in_lines(found)


def test_the_same_export_twice_gives_the_rows_of_both():
    found = mapped(PLANS, PLANS.replace("15/09/2025", "16/09/2025"))
    assert found.rows["plans"]["planned_date"].to_list() == ["15/09/2025", "16/09/2025"]


def test_a_file_that_cannot_be_read_says_which_and_why():
    with pytest.raises(UnreadableExport) as error:
        map_exports(MAPPING, [("status.csv", STATUS.encode()), ("needs.pdf", b"%PDF-1.7")], CONTRACT, LIMIT)
    assert (error.value.file, error.value.fault) == ("needs.pdf", "pdf")
    assert "PDF" in fault_sentence("pdf")


def test_the_workbook_says_whose_it_is_and_leaves_to_the_school_who_authorises_it(settings):
    received = read_file(made(settings, STATUS)[0], CONTRACT, LIMIT)
    [own] = received.tables["return"].to_dicts()
    assert {name: text for name, text in own.items() if text} == {
        "row_number": 2, "laestab": "8012001", "urn": "100001", "academic_year": "2025-26", "term": "autumn",
        "as_at_date": "2025-12-05", "specification": "1.0", "nil_return": "N",
    }  # fmt: skip
    assert all(sheet.found for sheet in received.sheets)


def test_the_command_writes_the_workbook_and_ends_with_1_where_something_is_not_known(settings, tmp_path):
    for name, text in (("status", STATUS), ("needs", NEEDS), ("plans", PLANS), ("notes", "a,b\n1,2\n")):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    out = tmp_path / "return.xlsx"

    def run(*names: str, term: str = "2025-26-autumn", mapping: str = "typical_mis"):
        files = [str(tmp_path / f"{name}.csv") for name in names]
        asked = ["--mapping", mapping, "--school", "100001", "--term", term, "--laestab", "8012001"]
        return CliRunner().invoke(app, ["map", *asked, *files, str(out)])

    said = run("status", "needs")
    assert said.exit_code == 1
    assert "NOT KNOWN  'Dyslexia'" in said.output
    assert read_file(out.read_bytes(), CONTRACT, LIMIT).fault is None
    assert run("plans").exit_code == 0
    out.unlink()
    assert run("notes").exit_code == 2
    assert run("status", term="1999-00-autumn").exit_code == 2
    assert run("status", mapping="sims").exit_code == 2
    assert run("not there").exit_code == 2
    assert not out.exists()


def made(settings, *texts: str) -> tuple[bytes, MappedReturn]:
    files = [(f"export{number}.csv", text.encode()) for number, text in enumerate(texts, start=1)]
    term = load_calendar(settings)["2025-26-autumn"]
    return mapped_workbook(settings, MAPPING, files, CONTRACT, urn="100001", laestab="8012001", term=term)


def texts_of(workbook: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(workbook)) as entries:
        return entries.read("xl/sharedStrings.xml").decode()
