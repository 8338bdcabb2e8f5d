"""UPNs and ULNs: the vectors are the UPN guide's and those checked by hand."""

import pytest

from pipelines.demo.identifiers import IdentifierOffice, check_digit, check_letter, with_wrong_letter


@pytest.mark.parametrize("upn", ["H801200001001", "A950000178301", "H243278544154", "X845212818005", "X00180001701A"])
def test_check_letters_fit(upn):
    assert check_letter(upn[1:]) == upn[0]


@pytest.mark.parametrize(("upn", "letter"), [("R247962919251", "Q"), ("X428558133462", "W")])
def test_wrong_check_letters_are_known(upn, letter):
    assert check_letter(upn[1:]) == letter != upn[0]


def test_a_spoilt_letter_never_fits():
    assert check_letter(with_wrong_letter("Z801200001001")[1:]) != with_wrong_letter("Z801200001001")[0]


def test_the_tenth_digit_of_a_uln():
    # 1*10 + 0*9 + 4*8 + 0 ... + 0*2 = 42; 42 mod 11 = 9; 10 - 9 = 1
    assert check_digit("104000000") == 1
    # 1*10 + 0*9 + 4*8 + 0*7 + 0*6 + 0*5 + 0*4 + 0*3 + 1*2 = 44; 44 mod 11 = 0: no ULN can have it
    assert check_digit("104000001") is None


def test_nobody_gets_an_identifier_twice():
    office = IdentifierOffice()
    upns = [office.upn("801", "2001", 2019) for _ in range(2500)]
    upns += [office.upn("801", "2001", 2019, temporary=True) for _ in range(50)]
    ulns = [office.uln() for _ in range(500)]
    assert len(set(upns)) == len(upns)
    assert len(set(ulns)) == len(ulns)
    assert all(check_letter(upn[1:]) == upn[0] and len(upn) == 13 for upn in upns)
    assert all(len(uln) == 10 and str(check_digit(uln[:9])) == uln[9] for uln in ulns)
