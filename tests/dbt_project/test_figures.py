"""The models' units against the definitions written once more in Python, over an LA made by chance."""

from collections import Counter

import pytest

from pipelines.terms import load_calendar
from pipelines.warehouse import warehouse
from tests.dbt_project.oracle import Oracle
from tests.dbt_project.random_la import random_la, write

INDICATORS = (
    *("rev01", "rev02", "rev03", "rev04", "rev05", "rev06", "rev07", "rev08", "par01", "par02", "par03"),
    *("asm01", "pln01", "pln02", "pln03", "pln04", "tgt01", "do01", "do02", "do03", "prg01"),
    *("npr01", "npr02", "npr05", "agy01", "ehc03", "ehc04", "lac01", "trn01"),
)
FIRST, LAST = "2023-24-autumn", "2025-26-spring"


@pytest.fixture
def la_and_units(settings, build):
    calendar = list(load_calendar(settings).values())
    names = [term.term for term in calendar]
    terms = calendar[names.index(FIRST) : names.index(LAST) + 1]
    # in this one nobody sends anything in the first term, which later returns of its year reach all the same
    la = random_la(terms, seed=2)
    with warehouse(settings) as connection:
        write(la, calendar, connection)
    build(settings, "--select", *(f"+{indicator}" for indicator in INDICATORS))
    found: dict[str, dict] = {term.term: {} for term in terms}
    with warehouse(settings) as connection:
        for indicator in INDICATORS:
            rows = connection.execute(
                f"SELECT indicator_id, term, urn, pupil_key, unit_id, is_met FROM indicators.{indicator}"
            ).fetchall()
            for indicator_id, term, urn, pupil, unit, met in rows:
                found[term][indicator_id, urn, pupil, unit] = met
    return la, calendar, terms, found


def test_every_unit_of_every_term_is_what_the_definitions_give(la_and_units):
    la, calendar, terms, found = la_and_units
    seen = Counter()
    for term in terms:
        expected = Oracle(la, calendar, term).units()
        wrong = {
            unit: (expected.get(unit, "no unit"), found[term.term].get(unit, "no unit"))
            for unit in expected.keys() | found[term.term].keys()
            if expected.get(unit, "no unit") is not found[term.term].get(unit, "no unit")
            and expected.get(unit, "no unit") != found[term.term].get(unit, "no unit")
        }
        assert not wrong, f"{term.term}: unit -> (by the definitions, by the models): {wrong}"
        seen.update((unit[0], met) for unit, met in expected.items())
    # the LA by chance would prove nothing where a kind of unit does not occur in it
    rare = {
        (indicator, met): seen[indicator.upper(), met]
        for indicator in INDICATORS
        for met in (True, False, None)
        if seen[indicator.upper(), met] < 5
    }
    assert not rare
