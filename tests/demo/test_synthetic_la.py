"""The synthetic LA: the same for a seed, true to the specification where it is clean, and spoilt as it is written down."""

import csv
import hashlib
import io
import zipfile
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from expectations.contracts import code_list, load_contract
from pipelines.demo.days import SchoolDays
from pipelines.demo.file_planters import file_planters
from pipelines.demo.lives import live
from pipelines.demo.returns import Year
from pipelines.demo.row_planters import OUT_OF_REACH, row_planters
from pipelines.demo.schools import kinds_of, make_schools
from pipelines.demo.synthetic_la import _returns, demo_terms, make_la
from pipelines.settings import Settings
from pipelines.terms import load_calendar

SCHOOLS, TERMS, SEED = 6, 3, 1


def make(folder: Path, **arguments):
    return make_la(Settings(data_dir=folder), **({"schools": SCHOOLS, "terms": TERMS, "seed": SEED} | arguments))


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture(scope="module")
def world():
    settings = Settings(data_dir=Path("nowhere"))
    terms = demo_terms(settings, TERMS)
    days = SchoolDays.of(load_calendar(settings))
    schools = make_schools("801", 8, terms, Random("schools"))
    return live(schools, days, "801", [2024, 2025], Random("lives"), None), terms


@pytest.fixture(scope="module")
def returns(world):
    return [sending.sent for sending in _returns(*world, seed=SEED)]


def column(sent, table, name):
    sheet = sent.sheet(table)
    return [sheet.cell(row, name) for row in sheet.written()]


def rows(sent, table):
    sheet = sent.sheet(table)
    return [dict(zip(sheet.columns, row, strict=True)) for row in sheet.written()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("la")
    return folder, make(folder)


def test_a_seed_always_gives_the_same_bytes(made, tmp_path):
    make(tmp_path)
    assert hashes(tmp_path) == hashes(made[0])


def test_another_seed_gives_another_la(made, tmp_path):
    make(tmp_path, seed=2, dirty=False, terms=1, schools=2)
    assert not set(hashes(tmp_path / "landing").values()) & set(hashes(made[0] / "landing").values())


def test_clean_returns_are_all_workbooks_and_zips_named_by_the_pattern(tmp_path):
    summary = make(tmp_path, dirty=False)
    files = [path for path in (tmp_path / "landing").rglob("*") if path.is_file()]
    assert len(files) == summary.files == SCHOOLS * TERMS
    assert {path.suffix for path in files} == {".xlsx", ".zip"}
    assert (tmp_path / "demo" / "planted_faults.csv").read_text() == "file,table,row_number,field,rule_code\n"
    assert summary.faults == summary.dirty_files == 0


def test_more_terms_than_the_specification_knows_are_refused(tmp_path):
    with pytest.raises(ValueError, match="1 to 9 terms"):
        make(tmp_path, terms=10)


def test_returns_come_by_the_deadline_or_late_and_the_las_own_files_before(tmp_path):
    seen = []

    def arrived(day):
        files = [path for path in (tmp_path / "landing").rglob("*") if path.is_file()]
        seen.append((day, len(files), any((tmp_path / "reference").glob("edubasealldata*.csv"))))

    summary = make(tmp_path, terms=1, dirty=False, arrived=arrived)
    # summer 2025-26: the deadline is 21 July 2026
    assert [day for day, _, _ in seen] == [date(2026, 7, 21), date(2026, 7, 31)]
    assert 0 < seen[0][1] <= seen[1][1] == summary.files
    assert all(gias for _, _, gias in seen)


def test_another_demo_in_the_same_folder_takes_the_last_ones_files_away_and_nobody_elses(tmp_path):
    small = {"schools": 2, "terms": 1, "dirty": False}
    make(tmp_path, **small | {"terms": 2})
    (tmp_path / "landing" / "from a school.xlsx").write_bytes(b"kept")
    make(tmp_path, **small)
    kept = sorted(path.name for path in (tmp_path / "landing").rglob("*") if path.is_file())
    assert len(kept) == 3
    assert "from a school.xlsx" in kept


def test_a_handful_of_schools_is_one_of_each_kind_and_sixty_are_an_la():
    assert set(kinds_of(5)) == {"nursery", "primary", "secondary", "special", "post16"}
    assert Counter(kinds_of(60)) == {"primary": 42, "secondary": 9, "special": 4, "post16": 3, "nursery": 2}


def test_every_code_of_a_clean_return_is_in_its_list_and_every_required_cell_is_filled(returns):
    for sent in returns:
        for table in load_contract("1.0").tables.values():
            for row in rows(sent, table.name):
                for f in table.fields.values():
                    value = row[f.name]
                    assert value is not None or not f.required, (sent.stem, table.name, f.name)
                    if value is not None and f.type == "code":
                        assert value in code_list(f.list)


def test_dates_are_up_to_the_as_at_date_or_two_years_ahead_where_planned(returns):
    for sent in returns:
        latest = {"event": sent.term.as_at_date, "planned": sent.term.as_at_date + timedelta(days=730)}
        for table in load_contract("1.0").tables.values():
            for f in table.fields.values():
                if f.window:
                    for day in column(sent, table.name, f.name):
                        assert day is None or date(1990, 9, 1) <= day <= latest[f.window], (table.name, f.name)


def test_keys_are_unique_and_children_have_their_parents(returns):
    for sent in returns:
        for table in load_contract("1.0").tables.values():
            if table.key:
                keys = [tuple(row[name] for name in table.key) for row in rows(sent, table.name)]
                given = [key for key in keys if None not in key]
                assert len(given) == len(set(given)), (sent.stem, table.name)
        pupils = {row["upn"] or row["uln"] for row in rows(sent, "pupils")}
        plans = {(row["upn"], row["planned_date"]) for row in rows(sent, "plans")}
        for table in ("plans", "reviews", "specialists"):
            assert {row["upn"] for row in rows(sent, table)} <= pupils
        assert {(row["upn"], row["planned_date"]) for row in rows(sent, "reviews")} <= plans


def test_a_pupil_with_support_has_a_plan_and_one_with_an_ehc_plan_a_review_or_a_placement(returns):
    for sent in returns:
        planned = {row["upn"] for row in rows(sent, "plans")}
        named = {row["upn"] for row in rows(sent, "placements")}
        for pupil in rows(sent, "pupils"):
            key = pupil["upn"] or pupil["uln"]
            if pupil["sen_provision"] != "N":
                assert key in planned
            if pupil["sen_provision"] == "E":
                assert pupil["annual_review_meeting_date"] or key in named
                assert pupil["primary_need"] != "NSA"


def test_a_specialist_asked_for_in_a_review_is_referred_to(returns):
    asked = 0
    for sent in returns:
        for review in rows(sent, "reviews"):
            if review["next_step"] == "INVOLVE_SPECIALIST":
                asked += 1
                since = review["review_date"] - timedelta(days=365)
                assert any(
                    row["upn"] == review["upn"] and row["referred_date"] >= since for row in rows(sent, "specialists")
                )
    assert asked


def test_the_year_so_far_begins_after_last_summers_as_at_date(world, returns):
    # summer 2024-25: as-at date 8 July 2025
    lives, terms = world
    year = Year.so_far(terms[0], lives.days)
    assert (year.began, year.as_at) == (date(2025, 7, 9), date(2025, 12, 5))
    for sent in returns:
        for row in rows(sent, "pupils"):
            assert row["leaving_date"] is None or row["leaving_date"] >= date(2025, 7, 9)
        for row in rows(sent, "plans"):
            reviewed = any(
                (r["upn"], r["planned_date"]) == (row["upn"], row["planned_date"]) for r in rows(sent, "reviews")
            )
            assert (
                row["planned_date"] >= year.began
                or row["ended_date"] is None
                or row["ended_date"] >= year.began
                or reviewed
            )


def test_a_pupil_who_left_in_july_is_in_the_autumn_return_with_the_year_group_left(returns):
    autumn = [row for sent in returns if sent.term.name == "autumn" for row in rows(sent, "pupils")]
    left = [row for row in autumn if row["leaving_date"] and row["leaving_date"] < date(2025, 9, 1)]
    assert {row["year_group"] for row in left} >= {"6", "11"}
    assert not any(row["year_group"] == "7" for row in left)


def test_year_groups_go_up_in_september_and_not_between_terms(world, returns):
    seen = {}
    order = {code: n for n, code in enumerate(code_list("year_group"))}
    for sent in returns:
        for row in rows(sent, "pupils"):
            key = (sent.school.urn, row["upn"])
            if row["upn"] and not row["leaving_date"]:
                before = seen.get(key)
                assert before is None or order[before] == order[row["year_group"]]
                seen[key] = row["year_group"]


def test_a_pupil_who_moves_keeps_the_upn_at_the_new_school(world):
    lives, _ = world
    moved = [pupil for pupil in lives.pupils if len({stay.school.urn for stay in pupil.stays}) > 1]
    assert moved
    for pupil in moved:
        main = [stay for stay in pupil.stays if stay.enrolment != "S"]
        for before, after in pairwise(main):
            assert before.leaving < after.entry


def test_boys_and_needs_are_roughly_as_in_the_national_figures(world):
    lives, _ = world
    support = [pupil for pupil in lives.pupils if pupil.plan_from is None]
    plans = [pupil for pupil in lives.pupils if pupil.plan_from is not None]
    assert 0.55 < sum(p.sex == "M" for p in support) / len(support) < 0.71
    assert 0.64 < sum(p.sex == "M" for p in plans) / len(plans) < 0.80
    assert Counter(p.primary_need for p in plans).most_common(1)[0][0] == "ASD"
    assert {need for need, _ in Counter(p.primary_need for p in support).most_common(3)} >= {"SLCN", "SEMH"}


def test_arrangements_are_sent_every_autumn(returns):
    assert all(len(sent.sheet("arrangements").rows) == 1 for sent in returns if sent.term.name == "autumn")
    for sent in returns:
        for row in rows(sent, "arrangements"):
            assert row["healthcare_plans_reviewed"] <= row["pupils_needing_healthcare_plan"]
            assert row["senco_in_post"] == "Y" or (row["senco_award"], row["senco_leadership"]) == ("NONE", "NONE")


def test_there_is_a_planter_for_every_rule_that_a_file_can_break():
    contract = load_contract("1.0")
    endings = {"date": "date", "code": "code", "yes_no": "code", "count": "number", "pounds": "number"}
    generated = set()
    for table in contract.tables.values():
        generated.add(f"{table.prefix}.row.surplus")
        for f in table.fields.values():
            generated.add(f"{table.prefix}.{f.name}.{endings.get(f.type, 'text')}")
            if f.required:
                generated.add(f"{table.prefix}.{f.name}.required")
            if f.window:
                generated.add(f"{table.prefix}.{f.name}.window")
    # how many written rules there are of each prefix, numbered from 01
    counts = {
        "FIL": 16,
        "SHT": 7,
        "COL": 4,
        "RET": 9,
        "ARR": 3,
        "PUP": 25,
        "PLA": 5,
        "RVW": 6,
        "SPE": 7,
        "CON": 3,
        "PLC": 4,
        "EXP": 4,
    }
    written = {f"{prefix}{n:02d}" for prefix, count in counts.items() for n in range(1, count + 1)}
    planters = {planter.code for planter in (*row_planters(), *file_planters())}
    # where the LA and the schools say otherwise of a plan, that is so before anything is spoilt
    of_the_la = {"PUP23", "PUP24", "PLC04", "EXP04"}
    assert planters == (generated | written) - set(OUT_OF_REACH) - of_the_la


def test_the_planted_faults_name_files_that_are_there_and_rows_that_they_have(made):
    folder, summary = made
    with summary.planted_faults.open(newline="", encoding="utf-8") as lines:
        faults = list(csv.DictReader(lines))
    names = {path.name for path in (folder / "landing").rglob("*")}
    assert {fault["file"] for fault in faults} <= names
    assert len(faults) == summary.faults > 200
    tables = set(load_contract("1.0").tables) | {"files", "sheets"}
    assert {fault["table"] for fault in faults} <= tables
    for fault in faults:
        has_no_row = fault["rule_code"][:3] in ("FIL", "SHT", "COL", "EXP")
        assert (fault["row_number"] == "") == has_no_row


def test_a_planted_cell_is_at_its_row_of_the_file(made):
    folder, summary = made
    with summary.planted_faults.open(newline="", encoding="utf-8") as lines:
        faults = [row for row in csv.DictReader(lines) if row["rule_code"].endswith(".required")]
    blanks = 0
    for fault in faults:
        path = next(p for p in (folder / "landing").rglob(fault["file"]))
        if path.suffix != ".zip":
            continue
        with zipfile.ZipFile(path) as archive:
            entry = next(
                n for n in archive.namelist() if n.lower().endswith(f"{fault['table']}.csv") and "MACOSX" not in n
            )
            data = archive.read(entry)
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
        lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))
        header = [cell.lower().replace(" ", "").replace("-", "").replace("_", "") for cell in lines[0]]
        position = header.index(fault["field"].replace("_", ""))
        assert lines[int(fault["row_number"]) - 1][position] == ""
        blanks += 1
    assert blanks


def test_the_las_own_files_are_in_the_layouts_that_the_pipeline_reads(made):
    folder, _ = made
    reference = folder / "reference"
    gias = next(reference.glob("edubasealldata*.csv")).read_bytes()
    assert gias.count(b"\r\n") == gias.count(b"\n")
    text = gias.decode("cp1252")
    schools = list(csv.DictReader(io.StringIO(text)))
    statuses = Counter((row["LA (code)"] == "801", row["EstablishmentStatus (name)"]) for row in schools)
    assert statuses[True, "Open"] >= SCHOOLS
    assert statuses[True, "Closed"]
    assert statuses[False, "Open"]
    assert len(list((reference / "sen2").glob("*/*.csv"))) == 9
    contacts = list(csv.DictReader((reference / "contacts.csv").open(encoding="utf-8")))
    assert all(row["email"].endswith(".example") for row in contacts)


def test_the_las_plans_name_the_schools_that_list_the_placement_but_for_a_few(world, returns):
    lives, terms = world
    told = {
        (n.pupil.number, n.school.urn)
        for p in lives.pupils
        for n in p.namings
        if n.in_return and n.named <= terms[-1].as_at_date
    }
    known = {
        (n.pupil.number, n.school.urn)
        for p in lives.pupils
        for n in p.namings
        if n.in_la_file and n.named <= terms[-1].as_at_date
    }
    assert told != known
    assert len(told ^ known) < 0.1 * len(told | known)
