"""A school that became an academy between two terms, over a small LA whose figures were worked out by hand."""

import os
import subprocess
from datetime import date, datetime

import polars as pl
import pytest

from pipelines.building.dbt_project import dbt_environment, dbt_executable
from pipelines.settings import DBT_PROJECT_DIR, Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import warehouse

AUTUMN, SPRING = "2025-26-autumn", "2025-26-spring"  # as at 5 December 2025 and 13 March 2026
OLD, NEW, OTHER = "100001", "100009", "100002"
SCHOOL = {"la_code": "801", "section_41": False, "phase": "Primary"}
MAINTAINED, ACADEMY = "Local authority maintained schools", "Academies"
SCHOOLS = [
    {**SCHOOL, "urn": OLD, "name": "Hill School", "type_group": MAINTAINED, "status": "Closed"}
    | {"open_date": date(1990, 9, 1), "close_date": date(2026, 1, 31)},
    {**SCHOOL, "urn": NEW, "name": "Hill Academy", "type_group": ACADEMY, "status": "Open", "trust_code": "9001"}
    | {"open_date": date(2026, 2, 1)},
    {**SCHOOL, "urn": OTHER, "name": "Dale School", "type_group": MAINTAINED, "status": "Open"},
]
LINKS = [
    {"urn": OLD, "link_urn": NEW, "link_type": "Successor", "link_established_date": date(2026, 2, 1)},
    {"urn": NEW, "link_urn": OLD, "link_type": "Predecessor", "link_established_date": date(2026, 2, 1)},
]
# the other school sends nothing in spring
RETURNS = [(OLD, AUTUMN, date(2025, 12, 12)), (OTHER, AUTUMN, date(2025, 12, 12)), (NEW, SPRING, date(2026, 3, 20))]
ANNA = {"upn": "A", "year_group": "4", "sex": "F", "enrolment": "C", "sen_provision": "K", "primary_need": "SLCN"}
ANNA |= {"sen_start_date": date(2024, 1, 10), "entry_date": date(2022, 9, 1), "below_peers": False}
BEN = {**ANNA, "upn": "B", "sen_provision": "E", "entry_date": date(2026, 2, 10)}
PLAN = {"upn": "A", "planned_date": date(2025, 9, 10), "review_due_date": date(2025, 11, 28)}
PLANS = [(OLD, AUTUMN, PLAN), (NEW, SPRING, PLAN)]
REVIEWS = [
    (urn, term, {"upn": "A", "planned_date": date(2025, 9, 10), "review_date": held, "parents_part": "TOOK_PART"})
    for urn, term, held in (
        (OLD, AUTUMN, date(2025, 11, 28)),
        # the academy sends the year so far: what was held under the old URN once more
        (NEW, SPRING, date(2025, 11, 28)),
        (NEW, SPRING, date(2026, 2, 20)),
    )
]
# named while it still was the old school, and admitted by the academy
NAMING = {"upn": "B", "named_date": date(2025, 11, 3), "expected_start_date": date(2026, 2, 10)}


def rows_of_return(rows: list[tuple[str, str, dict]]) -> list[dict]:
    return [
        {"return_id": f"{urn}-{term}", "return_urn": urn, "return_term": term, "row_number": number, **cells}
        for number, (urn, term, cells) in enumerate(rows, start=2)
    ]


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conversions")
    settings = Settings(_env_file=None, data_dir=folder, la_code="801", pseudonym_key="the tests' own pseudonym key")
    calendar = [
        {name: value for name, value in vars(term).items() if name != "closed_days"}
        | {"closed_days": ";".join(day.isoformat() for day in term.closed_days)}
        for term in load_calendar(settings).values()
    ]
    content = {
        "reference.schools": SCHOOLS,
        "reference.school_links": LINKS,
        "reference.calendar": calendar,
        "reference.ehc_plans": [{**NAMING, "urn": OLD, "phase_transfer": False}],
        "reference.notional_budgets": [
            {"urn": OLD, "financial_year": "2025-26", "amount": 50_000},
            {"urn": NEW, "financial_year": "2025-26", "amount": 10_000},
        ],
        "restricted.pupil_keys": [{"identifier": upn, "pupil_key": f"key {upn}"} for upn in "AB"],
        "ledger.returns": [
            {"return_id": f"{urn}-{term}", "urn": urn, "term": term, "academic_year": term[:7], "state": "current"}
            | {"received_at": datetime.combine(day, datetime.min.time()), "serial": 1}
            for urn, term, day in RETURNS
        ],
        "raw.return": rows_of_return([(urn, term, {"nil_return": False}) for urn, term, _ in RETURNS]),
        "raw.pupils": rows_of_return([(OLD, AUTUMN, ANNA), (NEW, SPRING, ANNA), (NEW, SPRING, BEN)]),
        "raw.plans": rows_of_return(PLANS),
        "raw.reviews": rows_of_return(REVIEWS),
        "raw.placements": rows_of_return(
            [(NEW, SPRING, {"upn": "B", "named_date": date(2025, 11, 3), "admitted_date": date(2026, 2, 10)})]
        ),
    }
    with warehouse(settings) as connection:
        for table, rows in content.items():
            connection.register("rows_to_insert", pl.DataFrame(rows, infer_schema_length=None))
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_to_insert")
            connection.unregister("rows_to_insert")
    with dbt_environment(settings):
        built = subprocess.run(
            [
                *(dbt_executable(), "build", "--exclude-resource-type", "unit_test"),
                *("--project-dir", str(DBT_PROJECT_DIR), "--target-path", str(folder / "target")),
            ],
            env={**os.environ, "DBT_LOG_PATH": str(folder)},
            capture_output=True,
            text=True,
        )
    assert built.returncode == 0, built.stdout[-5000:]
    with warehouse(settings, read_only=True) as connection:
        yield lambda sql: connection.sql(sql).fetchall()


def test_no_mart_knows_the_earlier_urn(marts):
    tables = marts(
        "select table_name from information_schema.columns where table_schema = 'marts' and column_name = 'urn'"
    )
    assert {"indicator_values", "indicator_units", "returns", "schools", "ehc_admissions"} <= {
        name for (name,) in tables
    }
    for (table,) in tables:
        assert marts(f"select count(*) from marts.{table} where urn = '{OLD}'") == [(0,)], table


def test_the_school_is_one_and_open(marts):
    assert marts("select urn, name, status, trust_code from marts.schools order by urn") == [
        (OTHER, "Dale School", "open", None),
        (NEW, "Hill Academy", "open", "9001"),
    ]


def test_it_is_missing_in_neither_term_and_whoever_is_silent_still_is(marts):
    assert marts("select term, urn, status, on_time from marts.returns order by term, urn") == [
        (AUTUMN, OTHER, "accepted", True),
        (AUTUMN, NEW, "accepted", True),
        (SPRING, OTHER, "missing", False),
        (SPRING, NEW, "accepted", True),
    ]
    due = "select numerator, denominator, schools_counted, schools_missing from marts.indicator_values_area " \
        "where indicator_id = '{}' and term = '{}' and area_type = 'la' and group_type = 'all'"  # fmt: skip
    assert marts(due.format("SCH11", AUTUMN)) == [(2, 2, 2, 0)]
    assert marts(due.format("SCH11", SPRING)) == [(1, 2, 2, 0)]
    # of the reviews' figures the silent school is missing, and it alone
    assert marts(due.format("REV03", SPRING)) == [(1, 1, 1, 1)]


def test_its_figures_go_on_and_nothing_counts_twice(marts):
    figures = marts(
        "select term, numerator, denominator, unknown from marts.indicator_values "
        f"where indicator_id = 'REV03' and urn = '{NEW}' and group_type = 'all' order by term"
    )
    # one review a term: that of November is in both returns and counts in autumn
    assert figures == [(AUTUMN, 1, 1, 0), (SPRING, 1, 1, 0)]
    # the plan of September was reviewed on the day that was agreed, under the old URN
    assert marts(
        "select term, numerator, denominator from marts.indicator_values "
        f"where indicator_id = 'REV02' and urn = '{NEW}' and group_type = 'all' order by term"
    ) == [(AUTUMN, 0, 0), (SPRING, 1, 1)]


def test_a_plan_that_named_the_old_school_is_the_academys_to_admit(marts):
    assert marts("select term, urn, pupil_key, standing from marts.ehc_admissions order by term") == [
        (AUTUMN, NEW, "key B", "not_yet_due"),
        (SPRING, NEW, "key B", "admitted_on_time"),
    ]


def test_its_notional_budget_is_what_both_urns_had(marts):
    assert marts("select urn, financial_year, amount from staging.stg_notional_budgets") == [(NEW, "2025-26", 60_000)]
