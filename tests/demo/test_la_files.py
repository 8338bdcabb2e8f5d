"""The demo's own files of the LA: the sources read them without a fault, and they tell one story with the returns."""

from datetime import datetime
from random import Random

import pytest

from pipelines.demo.days import SchoolDays
from pipelines.demo.lives import live
from pipelines.demo.schools import make_schools
from pipelines.demo.synthetic_la import _returns, demo_terms, make_la
from pipelines.reference import pull_reference
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from pipelines.warehouse import warehouse

SCHOOLS, TERMS = 8, 3
AUTUMN, SPRING = "2025-26-autumn", "2025-26-spring"


@pytest.fixture(scope="module")
def la(tmp_path_factory):
    """A question to the warehouse of a clean LA whose own files were pulled."""
    folder = tmp_path_factory.mktemp("la_files")
    settings = Settings(_env_file=None, data_dir=folder, settling_seconds=0)
    make_la(settings, schools=SCHOOLS, terms=TERMS, dirty=False)
    with warehouse(settings) as connection:
        pull_reference(settings, connection, datetime(2026, 7, 22))
        yield lambda sql: connection.sql(sql).fetchall()


@pytest.fixture(scope="module")
def returns(tmp_path_factory):
    """(school, term, sheets) of every clean return of the same LA."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("returns"))
    days = SchoolDays.of(load_calendar(settings))
    terms = demo_terms(settings, TERMS)
    schools = make_schools(settings.la_code, SCHOOLS, terms, Random("1:schools"))
    world = live(schools, days, settings.la_code, [2024, 2025], Random("1:lives"), None)
    return [sending.sent for sending in _returns(world, terms, 1)]


def rows(sent, table):
    sheet = sent.sheet(table)
    return [dict(zip(sheet.columns, row, strict=True)) for row in sheet.written()]


def test_every_file_is_read_and_none_has_a_fault(la):
    faults = la("select path, fault from ledger.reference_files where fault is not null")
    assert faults == []
    kinds = {kind for (kind,) in la("select distinct kind from ledger.reference_files where state = 'current'")}
    assert {
        "gias",
        "gias_links",
        "contacts",
        "ehc_plans",
        "pupil_context",
        "notional_budgets",
        "sen2",
        "census",
    } <= kinds
    for table in ("sen2_plans", "sen2_plan_schools", "sen2_reviews", "sen2_needs", "census_pupils", "census_needs"):
        assert la(f"select count(*) > 20 from reference.{table}") == [(True,)], table


def test_the_census_says_of_a_pupil_what_the_return_says(la, returns):
    """Compared where nothing changed between the census day and the as-at date."""
    census = {
        (upn, urn): (provision, year_group, sex)
        for upn, urn, provision, year_group, sex in la(
            f"select upn, urn, sen_provision, year_group, sex from reference.census_pupils where census_term = '{SPRING}'"
        )
    }
    needs = dict(
        la(f"select (upn, urn), sen_type from reference.census_needs where census_term = '{SPRING}' and rank = 1")
    )
    day = la(f"select min(census_day) from reference.census_pupils where census_term = '{SPRING}'")[0][0]
    compared = 0
    for sent in returns:
        if sent.term.term == SPRING and sent.school.type_code != "18":
            [own] = rows(sent, "return")
            for pupil in rows(sent, "pupils"):
                was_on_roll = pupil["entry_date"] <= day and (pupil["leaving_date"] or day) >= day
                if was_on_roll and pupil["sen_provision"] == "K" and pupil["sen_start_date"] <= day:
                    key = (pupil["upn"] or pupil["uln"], own["urn"])
                    if pupil["former_upn"] is None and key in census:
                        assert census[key] == ("K", pupil["year_group"], pupil["sex"])
                        assert needs[key] == pupil["primary_need"]
                        compared += 1
    assert compared > 100


def test_every_active_plan_of_sen2_is_of_a_pupil_with_a_plan_in_the_census(la):
    # both are of the same day in January; colleges send no census
    apart = la(f"""
        select count(*) filter (where census.sen_provision <> 'E'), count(*) from reference.sen2_reviews as active
        inner join reference.census_pupils as census on census.upn = active.upn and census.census_term = '{SPRING}'
    """)
    assert apart[0][0] == 0
    assert apart[0][1] > 20


def test_one_school_converted_and_sends_under_its_earlier_urn_before(la, returns):
    [(old, new, day)] = la("""
        select urn, link_urn, link_established_date from reference.school_links where link_type = 'Successor'
    """)
    status = dict(
        la(
            f"select urn, (status, laestab, close_date, open_date) from reference.schools where urn in ('{old}', '{new}')"
        )
    )
    assert (status[old][0], status[new][0]) == ("Closed", "Open")
    assert status[old][1] == status[new][1]
    assert status[new][3] == day > status[old][2]
    sent = {sent.term.term: rows(sent, "return")[0]["urn"] for sent in returns if sent.school.urn == new}
    # of three terms within one academic year it is the spring that begins with the conversion
    assert sent == {AUTUMN: old, SPRING: new, "2025-26-summer": new}
    census = dict(
        la(f"select census_term, min(urn) from reference.census_pupils where urn in ('{old}', '{new}') group by 1")
    )
    assert census[AUTUMN] == old
    assert census["2025-26-summer"] == new
    # a merger keeps the two apart
    assert la("select count(*) from reference.school_links where link_type = 'Successor - merged'") == [(1,)]


def test_the_release_is_of_the_la_its_region_its_neighbours_and_all_of_them_together(la):
    of_2024 = la("""
        select area_type, count(*), sum(numerator), count(symbol) from reference.comparators
        where measure = 'plans_within_20_weeks' and time_period = '2024' group by 1 order by 1
    """)
    counts = {area: (rows, numerator) for area, rows, numerator, _ in of_2024}
    assert {area: rows for area, (rows, _) in counts.items()} == {
        "country": 1,
        "la": 1,
        "region": 1,
        "statistical_neighbours": 6,
    }
    assert counts["country"][1] == counts["la"][1] + counts["statistical_neighbours"][1]
    assert la("select distinct symbol, note from reference.comparator_notes where symbol is not null") == [
        ("x", "Not available: the LA returned no figure")
    ]
    assert la("select count(*) > 0 from reference.comparators where symbol = 'x' and value is null") == [(True,)]
