"""A return held against SEN2 and the school census: only against the day of theirs that is of the term."""

from datetime import date

import pytest

from pipelines.settings import Settings
from tests.checking.received import (
    AUTUMN,
    SPRING,
    Received,
    check,
    codes,
    open_warehouse,
    put_la_data,
    receive,
    upn,
)

URN = "100001"
BY_LA = {"PUP26", "PUP27", "PUP28", "PUP29", "EXP05"}
JANUARY, OCTOBER = date(2026, 1, 15), date(2025, 10, 2)
AMY, BEN, TEMPORARY = upn(3001), upn(3002), "H80120000100J"


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, data_dir=tmp_path)


@pytest.fixture
def warehouse():
    with open_warehouse() as connection:
        yield connection


def on_census(term: str, day: date, *pupils: dict) -> list[dict]:
    return [{"census_term": term, "census_day": day, "sex": "F", "year_group": "3", **pupil} for pupil in pupils]


def sen2(reference_date: date, *needs: tuple[str, str, int]) -> dict[str, list[dict]]:
    return {
        "sen2_plans": [
            {"upn": one, "plan_start_date": date(2024, 9, 2), "reference_date": reference_date} for one, *_ in needs
        ],
        "sen2_needs": [{"upn": one, "sen_type": need, "rank": rank} for one, need, rank in needs],
    }


def found(settings, warehouse, la: dict, *terms: str) -> list[str]:
    """The codes of the issues that come from SEN2 and the census."""
    put_la_data(warehouse, la, URN)
    check(settings, warehouse, *terms)
    return [code for code in codes(warehouse) if code in BY_LA]


def reasons(warehouse, term: str) -> dict[str, str]:
    return dict(
        warehouse.execute(
            "SELECT rule_code, reason FROM quality.rule_runs WHERE list_contains($1, rule_code) AND term = $2 AND urn = $3 "
            "AND result = 'not_applicable'",
            [sorted(BY_LA), term, URN],
        ).fetchall()
    )


def test_without_sen2_and_census_their_rules_do_not_apply_and_say_why(settings, warehouse):
    receive(warehouse, Received(tables={"pupils": [{}]}))
    assert found(settings, warehouse, {}) == []
    assert reasons(warehouse, AUTUMN) == {
        "PUP26": "no SEN2 export of this term",
        "PUP27": "no school census of this term",
        "PUP28": "no school census of this term",
        "PUP29": "no types of need in the school census of this term",
        "EXP05": "no school census of this term",
    }


def test_a_school_that_is_in_no_census_is_not_held_against_one(settings, warehouse):
    receive(warehouse, Received(tables={"pupils": [{"upn": AMY}]}))
    elsewhere = on_census(AUTUMN, OCTOBER, {"upn": AMY, "urn": "100002", "sen_provision": "N"})
    assert found(settings, warehouse, {"census_pupils": elsewhere}) == []
    assert reasons(warehouse, AUTUMN)["PUP28"] == "school not in the school census of this term"


@pytest.mark.parametrize(
    ("reference_date", "term", "is_held_against"),
    [
        # the as-at dates are 5 December 2025, 13 March 2026 and 10 July 2026
        (date(2025, 12, 5), SPRING, False),
        (date(2025, 12, 6), SPRING, True),
        (JANUARY, SPRING, True),
        (JANUARY, AUTUMN, False),
        (JANUARY, "2025-26-summer", False),
    ],
)
def test_sen2_speaks_for_the_term_of_its_reference_date_alone(
    settings, warehouse, reference_date, term, is_held_against
):
    receive(warehouse, Received(term=term, tables={"pupils": [{"upn": AMY, "sen_provision": "E"}]}))
    la = sen2(reference_date, (AMY, "ASD", 1))
    assert found(settings, warehouse, la, term) == (["PUP26"] if is_held_against else [])


def test_the_census_of_another_term_says_nothing(settings, warehouse):
    receive(warehouse, Received(tables={"pupils": [{"upn": AMY}]}))
    assert (
        found(settings, warehouse, {"census_pupils": on_census(SPRING, JANUARY, {"upn": BEN, "sen_provision": "K"})})
        == []
    )


def test_a_secondary_need_of_sen2_is_no_primary_one(settings, warehouse):
    pupils = [{"upn": AMY, "sen_provision": "E", "primary_need": "ASD", "secondary_need": "SLCN"}]
    receive(warehouse, Received(term=SPRING, tables={"pupils": pupils}))
    la = sen2(JANUARY, (AMY, "ASD", 1), (AMY, "SEMH", 2))
    assert found(settings, warehouse, la, SPRING) == []


def test_where_sen2_gives_two_primary_needs_one_of_them_will_do(settings, warehouse):
    receive(warehouse, Received(term=SPRING, tables={"pupils": [{"upn": AMY, "sen_provision": "E"}]}))
    la = sen2(JANUARY, (AMY, "ASD", 1), (AMY, "SLCN", 1))
    assert found(settings, warehouse, la, SPRING) == []


def test_sen2_speaks_of_ehc_plans_alone(settings, warehouse):
    receive(warehouse, Received(term=SPRING, tables={"pupils": [{"upn": AMY, "sen_provision": "K"}]}))
    assert found(settings, warehouse, sen2(JANUARY, (AMY, "ASD", 1)), SPRING) == []


def test_of_a_need_that_differs_from_both_sen2_alone_is_reported(settings, warehouse):
    receive(warehouse, Received(term=SPRING, tables={"pupils": [{"upn": AMY, "sen_provision": "E"}]}))
    la = sen2(JANUARY, (AMY, "ASD", 1)) | {
        "census_pupils": on_census(SPRING, JANUARY, {"upn": AMY, "sen_provision": "E"}),
        "census_needs": [{"upn": AMY, "census_term": SPRING, "sen_type": "ASD", "rank": 1}],
    }
    assert found(settings, warehouse, la, SPRING) == ["PUP26"]


def test_a_pupil_is_found_by_the_former_upn_and_by_the_uln(settings, warehouse):
    pupils = [{"upn": AMY, "former_upn": BEN}, {"upn": upn(3003), "uln": "1000000043"}]
    receive(warehouse, Received(tables={"pupils": pupils}))
    census = on_census(AUTUMN, OCTOBER, {"upn": BEN, "sen_provision": "K"}, {"upn": "1000000043", "sen_provision": "K"})
    assert found(settings, warehouse, {"census_pupils": census}) == []


def test_a_row_whose_upn_is_mistyped_may_be_the_pupil_of_the_census(settings, warehouse):
    wrong = f"A{AMY[1:]}" if AMY[0] != "A" else f"B{AMY[1:]}"
    receive(warehouse, Received(tables={"pupils": [{"upn": wrong, "sex": "F", "year_group": "3"}]}))
    census = on_census(
        AUTUMN,
        OCTOBER,
        {"upn": AMY, "sen_provision": "K"},
        # a boy is not the girl of the row
        {"upn": BEN, "sen_provision": "K", "sex": "M"},
    )
    assert found(settings, warehouse, {"census_pupils": census}) == ["EXP05"]


def test_who_came_off_the_register_or_has_left_is_there(settings, warehouse):
    pupils = [{"upn": AMY, "sen_provision": "N"}, {"upn": BEN, "leaving_date": "2025-11-14"}]
    receive(warehouse, Received(tables={"pupils": pupils}))
    census = on_census(AUTUMN, OCTOBER, {"upn": AMY, "sen_provision": "K"}, {"upn": BEN, "sen_provision": "K"})
    assert found(settings, warehouse, {"census_pupils": census}) == []


def test_of_a_pupil_who_vanished_since_last_term_it_is_said_once(settings, warehouse):
    receive(
        warehouse,
        Received(tables={"pupils": [{"upn": AMY}, {"upn": BEN}]}),
        Received(term=SPRING, tables={"pupils": [{"upn": AMY}]}),
    )
    census = on_census(SPRING, JANUARY, {"upn": AMY, "sen_provision": "K"}, {"upn": BEN, "sen_provision": "K"})
    assert found(settings, warehouse, {"census_pupils": census}, AUTUMN, SPRING) == []
    assert "EXP01" in codes(warehouse)


def test_a_nil_return_against_a_census_with_sen_says_nothing_of_single_pupils(settings, warehouse):
    receive(warehouse, Received(tables={"return": [{"nil_return": "Y"}], "pupils": []}))
    census = on_census(AUTUMN, OCTOBER, {"upn": AMY, "sen_provision": "K"})
    assert found(settings, warehouse, {"census_pupils": census}) == []
    assert reasons(warehouse, AUTUMN)["EXP05"] == "nil return"


def test_without_the_las_plans_no_plan_is_missed(settings, warehouse):
    receive(warehouse, Received(tables={"pupils": [{"upn": AMY, "sen_provision": "E"}]}))
    check(settings, warehouse)
    assert "PUP23" not in codes(warehouse)
    runs = "SELECT result, reason FROM quality.rule_runs WHERE rule_code = 'PUP23'"
    assert warehouse.sql(runs).fetchall() == [("not_applicable", "no EHC plans from the LA")]


@pytest.mark.parametrize(
    ("provision", "census", "named", "expected"),
    [
        ("K", "E", None, ["PUP27"]),
        ("E", "K", None, ["PUP27"]),
        # the plan is of the census day at the latest, or younger
        ("E", "K", OCTOBER, ["PUP27"]),
        ("E", "K", date(2025, 10, 3), []),
        ("E", "E", None, []),
        # School Action has ended: what it would be now nobody knows
        ("K", "A", None, []),
        ("K", None, None, []),
    ],
)
def test_provision_that_the_census_has_otherwise(settings, warehouse, provision, census, named, expected):
    receive(warehouse, Received(tables={"pupils": [{"upn": AMY, "sen_provision": provision}]}))
    la = {"census_pupils": on_census(AUTUMN, OCTOBER, {"upn": AMY, "sen_provision": census})}
    if named:
        la["ehc_plans"] = [{"upn": AMY, "named_date": named}]
    assert found(settings, warehouse, la) == expected


def test_the_census_of_an_academy_is_held_against_the_return_under_its_earlier_urn(settings, warehouse):
    receive(warehouse, Received(tables={"pupils": [{"upn": AMY}]}))
    warehouse.execute(
        "INSERT INTO reference.schools BY NAME SELECT '200002' AS urn, '801' AS la_code, '1' AS status_code, "
        "'Open' AS status"
    )
    warehouse.execute(f"UPDATE reference.schools SET status = 'Closed' WHERE urn = '{URN}'")
    warehouse.execute(f"""
        INSERT INTO reference.school_links VALUES
            ('{URN}', '200002', 'Successor', DATE '2025-09-30'), ('200002', '{URN}', 'Predecessor', DATE '2025-09-30')
    """)
    census = on_census(AUTUMN, OCTOBER, {"upn": AMY, "urn": "200002", "sen_provision": "N"})
    assert found(settings, warehouse, {"census_pupils": census}) == ["PUP28"]
