"""A return held against the school's return of the term before: who is whom, what is lacking, and what follows."""

import pytest

from tests.checking.received import (
    AUTUMN,
    PULLED,
    SPRING,
    Received,
    check,
    issues,
    open_warehouse,
    receive,
    upn,
)

SUMMER_BEFORE = "2024-25-summer"
OLD, NEW, OTHER = upn(1001), upn(1002), upn(1003)
WRONG_LETTER = "A" + OLD[1:]
REVIEW = {"planned_date": "2025-09-15", "review_date": "2025-11-18"}


def two_terms(urn: str, before: dict, now: dict, last: str = AUTUMN, term: str = SPRING) -> list[Received]:
    return [Received(urn, before, term=last), Received(urn, now, term=term)]


SCHOOLS = {
    "upn that changed": two_terms(
        "100001",
        {"pupils": [{"upn": OLD}], "reviews": [REVIEW]},
        {"pupils": [{"upn": NEW, "former_upn": OLD}], "reviews": [REVIEW]},
    ),
    "plan lost with the upn that changed": two_terms(
        "100002",
        {"pupils": [{"upn": OLD}], "plans": [{}, {"planned_date": "2025-11-24"}]},
        {"pupils": [{"upn": NEW, "former_upn": OLD}]},
    ),
    "mistyped upn": two_terms("100003", {"pupils": [{"upn": OLD}]}, {"pupils": [{"upn": WRONG_LETTER}]}),
    "mistyped upn last term": two_terms("100004", {"pupils": [{"upn": WRONG_LETTER}]}, {"pupils": [{"upn": OLD}]}),
    "nil return": two_terms(
        "100005",
        {"pupils": [{"upn": upn(1001 + n)} for n in range(12)], "plans": [{"upn": upn(1001 + n)} for n in range(12)]},
        {"return": [{"nil_return": "Y"}], "pupils": []},
    ),
    "no pupils": two_terms(
        "100006",
        {"pupils": [{"upn": upn(1001 + n)} for n in range(12)], "plans": [{"upn": upn(1001 + n)} for n in range(12)]},
        {"pupils": [], "plans": []},
    ),
    "nothing last term": [Received("100007", term=SPRING)],
    "last term rejected": [
        Received("100008", {"pupils": [{"upn": OTHER}]}, file={"specification": "7.0"}),
        Received("100008", term=SPRING),
    ],
    "new year": two_terms(
        "100009",
        {
            "pupils": [{"upn": OLD, "sen_provision": "N"}, {"upn": NEW}, {"upn": OTHER}],
            "plans": [
                {"upn": NEW, "planned_date": "2025-03-10", "assessed_date": None, "ended_date": "2025-06-10"},
                {"upn": NEW, "planned_date": "2025-06-10", "assessed_date": "2025-06-02"},
                {"upn": OTHER, "planned_date": "2025-06-11", "assessed_date": "2025-06-02"},
            ],
        },
        {"pupils": [{"upn": NEW}], "plans": [{"upn": NEW}]},
        last=SUMMER_BEFORE,
        term=AUTUMN,
    ),
    "undated review": two_terms(
        "100010", {"pupils": [{}], "reviews": [REVIEW]}, {"pupils": [{}], "reviews": [REVIEW | {"review_date": "soon"}]}
    ),
    "pupil gone with plan and review": two_terms(
        "100011",
        {"pupils": [{"upn": OLD}, {"upn": NEW}], "plans": [{"upn": OLD}, {"upn": NEW}], "reviews": [REVIEW]},
        {"pupils": [{"upn": NEW}], "plans": [{"upn": NEW}]},
    ),
    "off the register and on it again": two_terms(
        "100012", {"pupils": [{"sen_provision": "N"}]}, {"pupils": [{"sen_start_date": "2026-01-12"}]}
    ),
}
# the errors of the rows themselves, which the examples of their own rules show, are left out
FOUND = {
    "plan lost with the upn that changed": [("EXP02", "plans", NEW)],
    "mistyped upn": [],
    "nil return": [("RET07", "return", None)],
    # that the sheet is empty explains who is not in it
    "no pupils": [],
    # of last year only what was open then is looked for; who came off the register is nobody's to report
    "new year": [("EXP01", "pupils", OTHER), ("EXP02", "plans", NEW)],
    # what hung on the pupil follows
    "pupil gone with plan and review": [("EXP01", "pupils", OLD)],
}
NOT_APPLICABLE = {
    ("nil return", "EXP01"): "nil return",
    ("nil return", "RET07"): None,
    ("no pupils", "EXP01"): "follows from RET02",
    ("nothing last term", "EXP01"): "no return last term",
    ("nothing last term", "PUP20"): "no return last term",
    ("last term rejected", "EXP01"): "no return last term",
    ("new year", "EXP03"): "first term of the year",
    ("new year", "EXP02"): None,
    ("new year", "RET09"): "first term of the year",
}


def everything() -> list[Received]:
    # each time anew: receiving gives a file its id
    return [Received(one.urn, one.tables, one.term, one.file) for of_school in SCHOOLS.values() for one in of_school]


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    from pipelines.settings import Settings

    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"))
    with open_warehouse() as connection:
        receive(connection, *everything())
        check(settings, connection, SUMMER_BEFORE, AUTUMN, SPRING)
        yield settings, connection


def looked_back(connection, term: str = "%") -> list[tuple]:
    return connection.execute(
        "SELECT urn, rule_code, table_name, upn FROM quality.issues "
        "WHERE rule_code IN (SELECT unnest(?)) AND term LIKE ? ORDER BY ALL",
        [["EXP01", "EXP02", "EXP03", "PUP19", "PUP20", "PUP21", "PUP22", "RET07", "RET08", "RET09"], term],
    ).fetchall()


@pytest.mark.parametrize("name", SCHOOLS)
def test_what_is_gone_or_changed_is_found_once_and_nothing_else_is(checked, name):
    _, connection = checked
    urn = SCHOOLS[name][0].urn
    assert [row[1:] for row in looked_back(connection) if row[0] == urn] == FOUND.get(name, [])


@pytest.mark.parametrize(("name", "rule_code"), NOT_APPLICABLE)
def test_a_rule_that_has_nothing_to_look_back_on_says_so(checked, name, rule_code):
    _, connection = checked
    one = SCHOOLS[name][-1]
    [(result, reason)] = connection.execute(
        "SELECT result, reason FROM quality.rule_runs WHERE urn = ? AND term = ? AND rule_code = ?",
        [one.urn, one.term, rule_code],
    ).fetchall()
    expected = NOT_APPLICABLE[name, rule_code]
    assert reason == expected
    assert (result == "not_applicable") == (expected is not None)


def test_what_is_not_there_has_no_row_and_no_field(checked):
    _, connection = checked
    gone = issues(connection, "rule_code LIKE 'EXP%'")
    assert len(gone) == 4
    assert {(row_number, field) for *_, row_number, field in gone} == {(None, None)}


def test_terms_checked_one_by_one_find_what_they_find_together(checked):
    settings, together = checked
    with open_warehouse() as connection:
        receive(connection, *everything())
        for term in (SUMMER_BEFORE, AUTUMN, SPRING):
            check(settings, connection, term)
        assert looked_back(connection) == looked_back(together)


def test_a_resubmission_of_last_term_changes_what_this_term_is_asked(settings):
    with open_warehouse() as connection:
        receive(
            connection,
            Received("100001", {"pupils": [{"upn": OLD}]}),
            Received("100001", {"pupils": [{"upn": NEW}]}, SPRING),
        )
        check(settings, connection, AUTUMN, SPRING)
        assert looked_back(connection) == [("100001", "EXP01", "pupils", OLD)]
        corrected = Received(
            "100001", {"pupils": [{"upn": NEW}]}, file={"serial": 9, "received_at": PULLED.replace(day=20)}
        )
        receive(connection, corrected)
        check(settings, connection, AUTUMN, SPRING)
        assert looked_back(connection) == []


def test_the_same_review_missing_is_the_same_fact_and_another_is_not(settings):
    before = {"pupils": [{}], "reviews": [REVIEW, REVIEW | {"review_date": "2025-11-25"}]}
    with open_warehouse() as connection:
        receive(connection, *two_terms("100001", before, {"pupils": [{}]}))
        check(settings, connection, AUTUMN, SPRING)
        facts = connection.sql("SELECT value, fact_id FROM quality.issues WHERE rule_code = 'EXP03'").fetchall()
        assert len({fact for _, fact in facts}) == len(facts) == 2
        check(settings, connection, SPRING)
        again = connection.sql("SELECT value, fact_id FROM quality.issues WHERE rule_code = 'EXP03'").fetchall()
        assert sorted(again) == sorted(facts)
