"""UPNs and ULNs: the check letter and digit by the guides' own examples, and a slip in every position."""

import csv

import polars as pl
import pytest

from pipelines.checking.identifiers import is_uln, is_upn, la_codes, upn_la_known, upn_letter_fits, upn_shaped
from pipelines.settings import SEEDS_DIR


def judged(expression, *values: str | None) -> list[bool | None]:
    return (
        pl.DataFrame({"value": values}, schema={"value": pl.String})
        .select(expression(pl.col("value")))
        .to_series()
        .to_list()
    )


# DfE, UPN guide v1.2: 8*2 + 0*3 + 1*4 + 2*5 + ... + 1*10 + ... + 1*13 = 53, 53 mod 23 = 7, the eighth letter is H.
# The others are of the CIN validator's test of rule 1510.
@pytest.mark.parametrize("upn", ["H801200001001", "A950000178301", "H243278544154", "X845212818005", "X00180001701A"])
def test_the_letter_of_a_upn_fits(upn):
    assert judged(upn_letter_fits, upn) == [True]


@pytest.mark.parametrize("upn", ["R247962919251", "X428558133462", "I801200001001", "H80120000100O"])
def test_the_letter_of_a_upn_does_not_fit(upn):
    assert judged(upn_letter_fits, upn) == [False]


def test_a_slip_in_any_position_of_a_upn_is_noticed():
    upn = "H801200001001"
    slips = [upn[:at] + str((int(upn[at]) + 1) % 10) + upn[at + 1 :] for at in range(1, 13)]
    assert judged(upn_letter_fits, *slips) == [False] * 12


@pytest.mark.parametrize(
    "upn",
    [
        "H80120000100",
        "H8012000010011",
        "h801200001001",
        "8801200001001",
        "H80120O001001",
        "H801200001001\n",
        "H８01200001001",
    ],
)
def test_what_is_not_shaped_like_a_upn_has_no_parts_to_judge(upn):
    assert judged(upn_shaped, upn) == [False]
    assert judged(upn_letter_fits, upn) == [None]
    assert judged(upn_la_known, upn) == [None]
    assert judged(is_upn, upn) == [False]


def test_former_english_and_welsh_authorities_can_stand_in_a_upn_and_others_cannot():
    # 835 Dorset and 909 Cumbria are no more; 681 is Cardiff; 999 is nobody's
    assert judged(upn_la_known, *(f"A{code}000000000" for code in ("801", "835", "909", "681", "999"))) == [
        True
    ] * 4 + [False]


def test_the_seed_of_authorities_has_each_number_once():
    with (SEEDS_DIR / "la_codes.csv").open(newline="", encoding="utf-8") as lines:
        codes = [row["code"] for row in csv.DictReader(lines)]
    assert codes == sorted(la_codes())
    assert set(map(str, range(660, 682))) <= la_codes()


# 1000000043: 1*10 + 4*2 = 18, 18 mod 11 = 7, 10 - 7 = 3. 9999999999 stands for "not known" and fits nothing.
# 1000000002 would need 1*10 = 10, 10 mod 11 = 10, 10 - 10 = 0: so 1000000000 is one.
@pytest.mark.parametrize(
    ("uln", "fits"), [("1000000043", True), ("1000000000", True), ("1000000044", False), ("9999999999", False)]
)
def test_the_last_digit_of_a_uln_fits_the_others(uln, fits):
    assert judged(is_uln, uln) == [fits]


def test_a_uln_whose_sum_leaves_nothing_is_none():
    # the eighth digit has weight 3 and the ninth 2: 3*3 + 1*2 = 11, 11 mod 11 = 0
    assert judged(is_uln, *(f"000000031{digit}" for digit in range(10))) == [False] * 10


@pytest.mark.parametrize("uln", ["100000004", "10000000433", "H801200001001", "100000004a"])
def test_what_is_not_ten_digits_is_no_uln(uln):
    assert judged(is_uln, uln) == [False]


def test_nothing_is_said_of_a_blank():
    for expression in (upn_shaped, upn_la_known, upn_letter_fits, is_upn, is_uln):
        assert judged(expression, None) == [None]
