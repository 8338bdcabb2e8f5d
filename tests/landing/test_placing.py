import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.landing.placing import Facts, School, facts_of, place
from tests.landing.conftest import SCHOOLS

TERMS = ["2025-26-autumn", "2025-26-spring"]
NAME = "8012001_2025-26_autumn_01.xlsx"
INSIDE = {"laestab": "8012001", "urn": "100001", "academic_year": "2025-26", "term": "AUTUMN", "specification": "1.0"}
ALL_SCHOOLS = [School(*row) for row in SCHOOLS]


def placed(file_name: str, **inside: str | None) -> tuple[str, str] | None:
    found = place(facts_of(file_name, inside), ALL_SCHOOLS, TERMS, "801")
    return (found.urn, found.term) if found else None


def test_the_inside_places_a_file_whatever_its_name():
    assert placed("our return.xlsx", **INSIDE) == ("100001", "2025-26-autumn")
    assert placed("8012002_2025-26_spring_07.xlsx", **INSIDE) == ("100001", "2025-26-autumn")


def test_the_name_places_a_file_that_cannot_be_read():
    assert placed(NAME) == ("100001", "2025-26-autumn")
    assert placed("8012001_2025-26_AUTUMN_1.ZIP") == ("100001", "2025-26-autumn")


@pytest.mark.parametrize(
    "file_name",
    [
        "8012001_2025-26_autumn.xlsx",
        "8012001_2025-26_autumn_01.xlsx.exe",
        "8012001_2025-26_autumn_01.csv",
        "8012001_2025-26_winter_01.xlsx",
        "801201_2025-26_autumn_01.xlsx",
        "٨٠١٢٠٠١_2025-26_autumn_01.xlsx",
        "x8012001_2025-26_autumn_01.xlsx",
        "8012001_2025-26_autumn_01.xlsx\n",
    ],
)
def test_a_name_that_is_not_of_the_pattern_says_nothing(file_name):
    assert facts_of(file_name, {}) == Facts()


def test_the_serial_is_a_number():
    assert facts_of("8012001_2025-26_autumn_010.xlsx", {}).serial == 10


def test_urn_and_laestab_must_both_be_of_one_school():
    assert placed(NAME, **INSIDE | {"urn": "100002"}) is None
    assert placed(NAME, **INSIDE | {"laestab": "8012002"}) is None
    assert placed(NAME, **INSIDE | {"urn": "999999"}) is None


def test_a_school_that_no_gias_row_knows_is_no_place():
    assert placed("8019999_2025-26_autumn_01.xlsx") is None


def test_another_las_school_is_no_place():
    assert placed("8022003_2025-26_autumn_01.xlsx") is None
    assert placed(NAME, **INSIDE | {"laestab": "8022003", "urn": "100003"}) is None


def test_a_closed_school_is_a_place_for_checking_to_judge():
    assert placed("8012005_2025-26_autumn_01.xlsx") == ("100005", "2025-26-autumn")
    assert placed("x.xlsx", **INSIDE | {"laestab": "8012004", "urn": "100004"}) == ("100004", "2025-26-autumn")


def test_by_name_an_academy_stands_before_the_school_that_it_was():
    assert placed("8012004_2025-26_autumn_01.xlsx") == ("140004", "2025-26-autumn")


def test_a_term_that_the_calendar_does_not_have_is_no_place_and_the_name_does_not_help():
    assert placed(NAME, **INSIDE | {"academic_year": "2031-32"}) is None
    assert placed("8012001_2031-32_autumn_01.xlsx") is None


@pytest.mark.parametrize("blank", ["academic_year", "term", "urn"])
def test_what_is_blank_inside_comes_from_the_name(blank):
    assert placed(NAME, **INSIDE | {blank: None}) == ("100001", "2025-26-autumn")
    assert placed(NAME, **INSIDE | {blank: "  "}) == ("100001", "2025-26-autumn")


def test_what_is_blank_inside_and_not_in_the_name_is_missing():
    for blank in ("academic_year", "term", "urn", "laestab"):
        assert placed("return.xlsx", **INSIDE | {blank: None}) is None


def test_a_term_that_is_none_inside_comes_from_the_name():
    assert placed(NAME, **INSIDE | {"term": "Harvest"}) == ("100001", "2025-26-autumn")
    assert placed("return.xlsx", **INSIDE | {"term": "Harvest"}) is None


def test_a_laestab_without_its_urn_counts_only_where_the_name_says_the_same():
    assert placed("8012002_2025-26_autumn_01.xlsx", **INSIDE | {"urn": None}) is None


def test_half_a_term_inside_and_the_other_half_in_the_name_make_one_that_counts():
    facts = facts_of("8012001_2024-25_spring_01.xlsx", INSIDE | {"term": None})
    assert (facts.inside_term, facts.name_term) == ("2025-26-spring", "2024-25-spring")


@pytest.mark.parametrize("written", ["801/2001", "801-2001", "801 2001", " 8012001\u00a0"])
def test_a_laestab_may_be_written_as_dfe_writes_it(written):
    assert placed("x.xlsx", **INSIDE | {"laestab": written}) == ("100001", "2025-26-autumn")


@pytest.mark.parametrize(("written", "known_as"), [("1", "1.0"), ("1.0", "1.0"), ("1.1", "1.1"), ("", None)])
def test_specification_1_is_1_0(written, known_as):
    assert facts_of(NAME, {"specification": written}).specification == known_as


@given(inside=st.dictionaries(st.sampled_from(list(INSIDE)), st.none() | st.text()), name=st.text())
def test_whatever_a_file_says_it_is_placed_or_not_and_the_ledger_gets_printable_text(inside, name):
    facts = facts_of(name, inside)
    place(facts, ALL_SCHOOLS, TERMS, "801")
    said = (facts.inside_laestab, facts.inside_urn, facts.inside_term, facts.specification)
    assert all(text is None or (text.isprintable() and 0 < len(text) <= 62) for text in said)
