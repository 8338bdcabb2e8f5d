"""From rows as received to the marts, over a small LA whose every figure was worked out by hand."""

import csv
from datetime import date, datetime

import polars as pl
import pytest

from pipelines.settings import SEEDS_DIR, Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import warehouse

AUTUMN, SPRING = "2025-26-autumn", "2025-26-spring"  # as at 5 December 2025 and 13 March 2026
OPEN = {"la_code": "801", "status": "Open", "section_41": False}
SCHOOLS = [
    {**OPEN, "urn": "100001", "type_group": "Academies", "type": "Academy converter", "phase": "Primary"}
    | {"trust_code": "9001", "trust": "A trust"},
    {**OPEN, "urn": "100002", "type_group": "Local authority maintained schools", "phase": "Primary"},
    {**OPEN, "urn": "100003", "type_group": "Special schools", "phase": "Not applicable"},
    # independent and outside section 41: owes no return, and section 43 does not bind it
    {**OPEN, "urn": "100004", "type_group": "Independent schools", "phase": "Not applicable"},
    {**OPEN, "urn": "100005", "type_group": "Colleges", "phase": "16 plus"},
    {**OPEN, "urn": "100006", "type_group": "Local authority maintained schools", "phase": "Secondary"},
    {**OPEN, "urn": "200001", "la_code": "802", "type_group": "Academies", "phase": "Primary"},
]
# return: urn, term, state, received. 100006 sends nothing in spring
IN_TIME = {AUTUMN: datetime(2025, 12, 19, 23, 59), SPRING: datetime(2026, 3, 27, 23, 59)}
LATE = datetime(2026, 3, 28, 0, 0)
RETURNS = [
    *((urn, AUTUMN, "current", IN_TIME[AUTUMN]) for urn in ("100001", "100002", "100003", "100005", "100006")),
    # in time, and corrected late
    ("100001", SPRING, "superseded", IN_TIME[SPRING]),
    ("100001", SPRING, "current", LATE),
    # late, and what came after it was rejected
    ("100002", SPRING, "current", LATE),
    ("100002", SPRING, "rejected", datetime(2026, 3, 30, 9, 0)),
    ("100003", SPRING, "current", IN_TIME[SPRING]),
    ("100005", SPRING, "current", IN_TIME[SPRING]),
]
ALL_SENT = ("100001", "100002", "100003", "100005")
# plan of the LA: pupil, urn, named, expected, and where it stands in autumn and in spring
EHC_PLANS = [
    # fifteen school days after Monday 5 January: 6-9, 12-16, 19-23, 26 January
    ("A", "100001", date(2026, 1, 5), None, None, "admitted_on_time"),
    ("B", "100001", date(2026, 1, 5), None, None, "admitted_late"),
    # 4-7, 10-14, 17-21, 24 November; full, and still full in spring: 109 days
    ("C", "100002", date(2025, 11, 3), None, "due_and_not_admitted", "due_and_not_admitted"),
    ("D", "100006", date(2025, 9, 15), date(2025, 10, 1), "admitted_on_time", "not_known"),
    # 3-6, 9-13, then half term, 23-27 February, 2 March
    ("E", "100006", date(2026, 2, 2), None, None, "not_known"),
    ("F", "100004", date(2025, 9, 15), None, "not_known", "not_known"),
    ("G", "100003", date(2025, 9, 15), None, "already_on_roll", "already_on_roll"),
    ("I", "200001", date(2025, 9, 15), None, None, None),
]
PLACEMENTS = [
    ("100001", SPRING, {"upn": "A", "named_date": date(2026, 1, 7), "admitted_date": date(2026, 1, 26)}),
    ("100001", SPRING, {"upn": "B", "named_date": date(2026, 1, 5), "admitted_date": date(2026, 1, 27)}),
    ("100002", AUTUMN, {"upn": "C", "named_date": date(2025, 11, 3), "not_admitted_reason": "SCHOOL_FULL"}),
    ("100002", SPRING, {"upn": "C", "named_date": date(2025, 11, 3), "not_admitted_reason": "SCHOOL_FULL"}),
    # the LA knows nothing of this one
    ("100003", SPRING, {"upn": "H", "named_date": date(2026, 1, 5)}),
]
ON_REGISTER = {"sen_provision": "E", "enrolment": "C", "primary_need": "ASD", "sex": "F", "year_group": "3"}
PUPILS = [
    ("100001", SPRING, {**ON_REGISTER, "upn": "A", "entry_date": date(2026, 1, 26)}),
    # named in the LA's file alone: admitted on the day of entry
    ("100006", AUTUMN, {**ON_REGISTER, "upn": "D", "entry_date": date(2025, 10, 1)}),
    ("100003", AUTUMN, {**ON_REGISTER, "upn": "G", "entry_date": date(2020, 9, 1)}),
    ("100003", SPRING, {**ON_REGISTER, "upn": "G", "entry_date": date(2020, 9, 1)}),
]
REPORT = {"sen_information_report_url": "https://x.example", "sen_information_report_date": date(2025, 10, 1)}
# sent in autumn alone: they speak in spring as well
ARRANGEMENTS = [
    ("100001", AUTUMN, {**REPORT, "senco_in_post": True, "senco_award": "NASENCO"}),
    # three years end between the two as-at dates
    ("100002", AUTUMN, {"senco_in_post": False, "senco_award": "WORKING_TOWARDS"}
     | {"senco_first_appointed_date": date(2023, 1, 10)}),
    ("100003", AUTUMN, {**REPORT, "senco_in_post": True, "senco_award": "NONE"}),
    ("100005", AUTUMN, {**REPORT, "senco_in_post": True, "senco_award": "NONE"}),
    ("100006", AUTUMN, {"senco_in_post": True, "senco_award": "NONE"}),
]  # fmt: skip


def return_id(urn: str, term: str) -> str:
    return f"{urn}-{term}-current"


def rows_of_return(rows: list[tuple[str, str, dict]]) -> list[dict]:
    return [
        {"return_id": return_id(urn, term), "return_urn": urn, "return_term": term, "row_number": number, **cells}
        for number, (urn, term, cells) in enumerate(rows, start=2)
    ]


def content(calendar) -> dict[str, list[dict]]:
    returns = [
        {"return_id": f"{urn}-{term}-{state}", "urn": urn, "term": term, "academic_year": term[:7]}
        | {"state": state, "received_at": received, "serial": 1}
        for urn, term, state, received in RETURNS
    ]
    broken = {
        "return_id": return_id("100001", SPRING),
        "urn": "100001",
        "term": SPRING,
        "message": "x",
        "value": "secret",
    }
    return {
        "reference.schools": SCHOOLS,
        "reference.calendar": [
            {name: value for name, value in vars(term).items() if name != "closed_days"}
            | {"closed_days": ";".join(day.isoformat() for day in term.closed_days)}
            for term in calendar
        ],
        "reference.ehc_plans": [
            {"upn": pupil, "urn": urn, "named_date": named, "expected_start_date": expected, "phase_transfer": False}
            for pupil, urn, named, expected, _, _ in EHC_PLANS
        ],
        "restricted.pupil_keys": [{"identifier": upn, "pupil_key": f"key {upn}"} for upn in "ABCDEFGHI"],
        "ledger.returns": returns,
        "raw.return": rows_of_return([(urn, term, {"nil_return": False}) for urn, term, state, _ in RETURNS if state == "current"]),
        "raw.arrangements": rows_of_return(ARRANGEMENTS),
        "raw.placements": rows_of_return(PLACEMENTS),
        "raw.pupils": rows_of_return(PUPILS),
        "quality.issues": [
            {**broken, "issue_id": "1", "rule_code": "PUP16", "severity": "query", "table_name": "pupils"}
            | {"field": "sen_provision"},
            {**broken, "issue_id": "2", "rule_code": "PUP01", "severity": "error", "table_name": "pupils"}
            | {"return_id": f"100001-{SPRING}-superseded", "field": "a heading of the school's own"},
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def marts(tmp_path_factory, build):
    """The built marts, asked by SQL; every unit test and data test of the project runs in this build."""
    folder = tmp_path_factory.mktemp("marts")
    settings = Settings(_env_file=None, data_dir=folder, la_code="801", pseudonym_key="the tests' own pseudonym key")
    calendar = list(load_calendar(settings).values())
    with warehouse(settings) as connection:
        for table, rows in content(calendar).items():
            connection.register("rows_to_insert", pl.DataFrame(rows, infer_schema_length=None))
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_insert")
            connection.unregister("rows_to_insert")
    build(settings, unit_tests=True)
    with warehouse(settings, read_only=True) as connection:
        yield lambda sql: connection.sql(sql).fetchall()


def figure(marts, indicator: str, term: str, table: str = "indicator_values_area", **where: str):
    where = {"group_type": "all", "group_value": "all"} | (where or {"area_type": "la"})
    conditions = " and ".join(f"{name} = '{value}'" for name, value in where.items())
    more = ", schools_counted, schools_missing" if table == "indicator_values_area" else ""
    found = marts(
        f"select numerator, denominator, unknown{more} from marts.{table} "
        f"where indicator_id = '{indicator}' and term = '{term}' and {conditions}"
    )
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("term", [AUTUMN, SPRING])
def test_every_plan_has_its_standing(marts, term):
    expected = {
        (f"key {pupil}", urn): autumn if term == AUTUMN else spring
        for pupil, urn, _, _, autumn, spring in EHC_PLANS
        if (autumn if term == AUTUMN else spring)
    }
    if term == SPRING:
        expected["key H", "100003"] = "in_return_not_in_la_data"
    found = marts(f"select pupil_key, urn, standing from marts.ehc_admissions where term = '{term}'")
    assert {(pupil, urn): standing for pupil, urn, standing in found} == expected


def test_days_late_run_from_the_due_date(marts):
    found = marts(
        f"select pupil_key, due_date, days_late, reason from marts.ehc_admissions where term = '{SPRING}' "
        "and standing in ('admitted_late', 'due_and_not_admitted', 'not_known') and urn <> '100004' order by all"
    )
    assert found == [
        ("key B", date(2026, 1, 26), 1, None),
        # 24 November to 13 March: 6 + 31 + 31 + 28 + 13
        ("key C", date(2025, 11, 24), 109, "SCHOOL_FULL"),
        ("key D", date(2025, 10, 1), None, "NO_RETURN"),
        ("key E", date(2026, 3, 2), None, "NO_RETURN"),
    ]


def test_admissions_count_in_their_term_and_silence_is_unknown(marts):
    # autumn: C not, D admitted; spring: A on time, B late, E unknown. Four or five schools of six, one owes none
    assert figure(marts, "EHC01", AUTUMN) == (1, 2, 0, 5, 0)
    assert figure(marts, "EHC01", SPRING) == (1, 2, 1, 4, 1)
    # due by the as-at date: C and D; then A, B, C, and D, E unknown
    assert figure(marts, "EHC02", AUTUMN) == (1, 2, 0, 5, 0)
    assert figure(marts, "EHC02", SPRING) == (1, 3, 2, 4, 1)
    assert marts(
        "select value, unit, lower_95, upper_95, rag from marts.indicator_values_area "
        f"where indicator_id = 'EHC02' and term = '{SPRING}' and area_type = 'la' and group_type = 'all'"
    ) == [(1.0, "count", None, None, None)]
    # an independent school outside section 41 has the plan, and no figure
    assert marts("select count(*) from marts.indicator_values where urn = '100004'") == [(0,)]


def test_a_unit_is_in_its_pupils_groups_where_the_return_lists_the_pupil(marts):
    where = {"area_type": "la", "group_type": "need", "group_value": "ASD"}
    # A alone: B is in the placements and not in the pupils table
    assert figure(marts, "EHC01", SPRING, **where) == (1, 1, 0, 4, 1)
    assert figure(marts, "EHC01", SPRING, **where | {"group_type": "phase", "group_value": "KS2"}) == (1, 1, 0, 4, 1)


def test_arrangements_speak_until_they_change_and_good_practice_is_in_no_area(marts):
    # NASENCO, and working towards since 10 January 2023: within three years in December, no longer in March
    assert figure(marts, "SCH03", AUTUMN) == (2, 3, 0, 3, 0)
    assert figure(marts, "SCH03", SPRING) == (1, 2, 0, 2, 1)
    # url and date: 100001 and the special school, not 100002 and 100006; the college's is good practice
    assert figure(marts, "SCH01", AUTUMN) == (2, 4, 0, 4, 0)
    assert figure(marts, "SCH01", AUTUMN, area_type="phase", area_code="16 plus") is None
    assert marts(
        "select numerator, rag, applies_as from marts.indicator_values "
        f"where indicator_id = 'SCH01' and urn = '100005' and term = '{AUTUMN}'"
    ) == [(1, None, "good_practice")]
    assert figure(marts, "SCH02", AUTUMN, area_type="phase", area_code="Primary") == (1, 2, 0, 2, 0)
    assert figure(marts, "SCH02", AUTUMN, area_type="trust", area_code="9001") == (1, 1, 0, 1, 0)


def test_a_return_is_in_time_when_any_was_and_a_missing_school_is_not(marts):
    assert figure(marts, "SCH11", AUTUMN) == (5, 5, 0, 5, 0)
    # 100001, 100003, 100005; 100002 late, 100006 nothing
    assert figure(marts, "SCH11", SPRING) == (3, 5, 0, 5, 0)
    assert marts(f"select indicator_id from marts.indicator_values where urn = '100006' and term = '{SPRING}' "
                 "and group_type = 'all' order by 1") == [("EHC01",), ("EHC02",), ("SCH11",)]  # fmt: skip


def test_every_school_due_has_a_status(marts):
    found = marts(
        f"select urn, status, on_time, errors, queries from marts.returns where term = '{SPRING}' order by urn"
    )
    assert found == [
        ("100001", "queried", True, 0, 1),
        ("100002", "accepted_with_errors", False, 1, 0),
        ("100003", "accepted", True, 0, 0),
        ("100005", "accepted", True, 0, 0),
        ("100006", "missing", False, 0, 0),
    ]


def test_a_school_that_answered_has_every_indicator_that_applies(marts):
    defined = {indicator for (indicator,) in marts("select id from marts.indicators")}
    found = {urn: set() for urn in ALL_SENT}
    rows = marts(f"select urn, indicator_id from marts.indicator_values where term = '{SPRING}' and group_type = 'all'")
    for urn, indicator in rows:
        if urn in found:
            assert indicator not in found[urn]
            found[urn].add(indicator)
    senco = {"SCH02", "SCH03", "SCH16"}
    assert {urn: defined - found[urn] for urn in ALL_SENT} == {
        "100001": {"SCH12"},
        "100002": {"SCH12"},
        # special
        "100003": {"SCH12", *senco, "NPR04", "AGY01"},
        # a college
        "100005": {*senco, "SCH09", "MED01"},
    }


def test_issues_say_what_is_open_and_hold_no_value(marts):
    assert marts("select issue_id, state from marts.issues order by 1") == [("1", "open"), ("2", "corrected")]
    assert not marts("select 1 from marts.issues where columns(*)::varchar = 'secret'")
    # of the fields those of the contract alone
    assert marts("select field from marts.issues order by issue_id") == [("sen_provision",), (None,)]


def test_definitions_and_schools_are_whole(marts):
    with (SEEDS_DIR / "indicators.csv").open(newline="", encoding="utf-8") as lines:
        defined = {row["id"] for row in csv.DictReader(lines)}
    rows = marts("select id, source from marts.indicators")
    assert len(rows) == len(defined)
    assert {indicator for indicator, source in rows if source} == defined
    assert [urn for (urn,) in marts("select urn from marts.schools order by 1")] == [f"10000{n}" for n in range(1, 7)]
