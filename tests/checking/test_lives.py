"""The life of an issue over resubmissions and terms, and what becomes of an explanation.

Every school here sends in three steps, and each step is checked once, for a check costs seconds; then the last one again.
"""

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from pipelines.casework import decide
from pipelines.checking.explaining import reference
from pipelines.settings import Settings
from tests.checking.received import AUTUMN, PULLED, SPRING, Received, check, codes, open_warehouse, receive, upn

# a pupil on SEN support without a plan is a query (PUP16); a sex that is no code is an error
NO_PLAN = {"pupils": [{}, {"upn": upn(1002)}], "plans": [{"upn": upn(1001)}]}
MOVED = {"pupils": [{"upn": upn(1002)}, {}], "plans": [{"upn": upn(1001)}]}
WRONG_SEX = {"pupils": [{"sex": "Q"}]}
CLEAN: dict = {}
SPRING_RETURN = {"return": [{"term": "spring", "as_at_date": "2026-03-20"}]}
OTHER_PUPIL = {"pupils": [{}, {"upn": upn(1003)}], "plans": [{"upn": upn(1001)}]}
SCHOOLS = (
    "corrects", "moves", "relapses", "rule_goes", "explains", "repeats", "leaves_out", "copies", "excuses", "rejected",
    "names", "accepted", "other_pupil",
)  # fmt: skip
URN = {school: str(100001 + number) for number, school in enumerate(SCHOOLS)}
LATER = PULLED + timedelta(days=2)


def sent(school, tables, day, term=AUTUMN, says=None, **file):
    """A return that came so many days after the first."""
    rows = [{"reference": says[0], "explanation": says[1]}] if says else []
    about = {"received_at": PULLED + timedelta(days=day), "serial": day + 1} | file
    return Received(URN[school], tables, term=term, file=about, file_id=f"{school}-{day}", explanations=rows)


def reference_of(connection, school, rule_code="PUP16"):
    facts = connection.execute(
        "SELECT fact_id FROM quality.issue_lives WHERE rule_code = ? AND urn = ?", [rule_code, URN[school]]
    ).pl()
    return facts.select(reference(pl.col("fact_id"))).to_series()[0]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The warehouse after every step, and what the last check, and the same again, left behind."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), pseudonym_key="the tests' own")
    with open_warehouse() as connection:
        wrong = ("excuses",)
        receive(connection, *(sent(school, WRONG_SEX if school in wrong else NO_PLAN, 0) for school in SCHOOLS))
        check(settings, connection)
        connection.execute(f"""
            INSERT INTO quality.issue_lives BY NAME
            SELECT * REPLACE ('of a rule that there was' AS fact_id) FROM quality.issue_lives
            WHERE urn = '{URN["rule_goes"]}'
        """)

        def of(school, rule_code="PUP16"):
            return reference_of(connection, school, rule_code)

        typed = of("explains").lower().replace("-", " ").replace("0", "o")
        receive(
            connection,
            sent("corrects", WRONG_SEX, 2),
            sent("moves", MOVED, 2),
            sent("relapses", CLEAN, 2),
            sent("explains", NO_PLAN, 2, says=(typed, "Came last week.")),
            sent("repeats", NO_PLAN, 2, says=(of("repeats"), "Came last week.")),
            sent("leaves_out", NO_PLAN, 2, says=(of("leaves_out"), "Came last week.")),
            sent("copies", NO_PLAN, 2, says=(of("explains"), "Ours is right.")),
            sent("excuses", WRONG_SEX, 2, says=(of("excuses", "PUP.sex.code"), "It is right.")),
            sent("rejected", NO_PLAN, 2, says=(of("rejected"), "Came last week."), specification="7.0"),
            sent("names", NO_PLAN, 2, says=(of("names"), f"{upn(1002)} came last week.")),
            sent("accepted", NO_PLAN, 2, says=(of("accepted"), "Came last week.")),
        )
        check(settings, connection)
        [(known_as,)] = connection.execute(
            "SELECT explanation_id FROM quality.explanations WHERE urn = ?", [URN["accepted"]]
        ).fetchall()
        decide(settings, known_as, "accepted", by="Ann", at=datetime(2025, 12, 15, 9, 0))
        receive(
            connection,
            sent("relapses", NO_PLAN, 4),
            sent("repeats", NO_PLAN, 3, says=(of("repeats"), "Came last week.")),
            sent("repeats", NO_PLAN, 4, says=(of("repeats"), "The plan is being written.")),
            sent("leaves_out", NO_PLAN, 4),
            sent("accepted", SPRING_RETURN | NO_PLAN, 90, term=SPRING),
            sent("other_pupil", SPRING_RETURN | OTHER_PUPIL, 90, term=SPRING),
        )
        check(settings, connection, AUTUMN, SPRING)
        left = contents(connection)
        check(settings, connection, AUTUMN, SPRING)
        yield connection, left


def contents(connection):
    tables = ("issue_lives", "explanations", "issues")
    return {table: connection.sql(f"FROM quality.{table} ORDER BY ALL").fetchall() for table in tables}


def lives(told, school):
    return (
        told[0]
        .execute(
            """
            SELECT rule_code, first_return_id, first_seen_at, last_return_id, corrected_by_return_id, corrected_at
            FROM quality.issue_lives WHERE urn = ? AND term = ? AND rule_code <> 'PUP25' ORDER BY ALL
            """,  # PUP25: the schools of this test share their pupils, which is a query of its own
            [URN[school], AUTUMN],
        )
        .fetchall()
    )


def explanations(told, school):
    return (
        told[0]
        .execute(
            "SELECT rule_code, return_id, text, given_at, decision FROM quality.explanations WHERE urn = ? ORDER BY ALL",
            [URN[school]],
        )
        .fetchall()
    )


def test_an_issue_is_corrected_by_the_return_that_no_longer_raises_it(told):
    assert lives(told, "corrects") == [
        ("PUP.sex.code", "corrects-2", LATER, "corrects-2", None, None),
        ("PUP16", "corrects-0", PULLED, "corrects-0", "corrects-2", LATER),
    ]


def test_a_resubmission_that_still_raises_it_leaves_it_open_since_the_first_wherever_the_row_is(told):
    assert lives(told, "moves") == [("PUP16", "moves-0", PULLED, "moves-2", None, None)]
    rows = told[0].execute(
        "SELECT last_row_number FROM quality.issue_lives WHERE urn = ? AND rule_code = 'PUP16'", [URN["moves"]]
    )
    assert rows.fetchall() == [(2,)]


def test_what_comes_back_after_it_was_corrected_is_open_again(told):
    assert lives(told, "relapses") == [("PUP16", "relapses-0", PULLED, "relapses-4", None, None)]


def test_what_the_same_return_no_longer_raises_was_not_the_schools_to_correct(told):
    # as when a rule is taken away
    assert lives(told, "rule_goes") == [("PUP16", "rule_goes-0", PULLED, "rule_goes-0", None, None)]


def test_a_check_that_is_repeated_changes_no_life_no_explanation_and_no_issue(told):
    connection, left = told
    assert all(left.values())
    assert contents(connection) == left


def test_the_same_fact_in_the_next_term_is_the_same_and_another_pupils_is_not(told):
    facts = dict(
        told[0]
        .sql("SELECT urn, count(DISTINCT fact_id) FROM quality.issue_lives WHERE rule_code = 'PUP16' GROUP BY urn")
        .fetchall()
    )
    assert facts[URN["accepted"]] == 1
    assert facts[URN["other_pupil"]] == 2


def test_an_explanation_is_kept_by_its_fact_however_its_reference_is_typed(told):
    assert explanations(told, "explains") == [("PUP16", "explains-2", "Came last week.", date(2025, 12, 12), None)]
    assert "XPL01" not in codes(told[0], "explains-2")


def test_the_same_words_again_are_the_same_explanation_and_others_another(told):
    assert [row[1:3] for row in explanations(told, "repeats")] == [
        ("repeats-2", "Came last week."),
        ("repeats-4", "The plan is being written."),
    ]


def test_an_explanation_stays_when_the_next_return_comes_without_the_sheet(told):
    assert [row[1] for row in explanations(told, "leaves_out")] == ["leaves_out-2"]


def test_another_schools_reference_explains_nothing_and_is_a_query(told):
    assert reference_of(told[0], "copies") != reference_of(told[0], "explains")
    assert explanations(told, "copies") == []
    assert "XPL01" in codes(told[0], "copies-2")


def test_an_error_is_corrected_and_never_explained(told):
    assert explanations(told, "excuses") == []
    assert "XPL01" in codes(told[0], "excuses-2")


def test_a_rejected_return_explains_nothing(told):
    assert explanations(told, "rejected") == []


def test_a_pupils_number_in_an_explanation_is_struck_out(told):
    assert [row[2] for row in explanations(told, "names")] == ["[…] came last week."]


def test_a_decision_is_taken_in_by_the_next_check_and_holds_for_the_next_term(told):
    assert [row[4] for row in explanations(told, "accepted")] == ["accepted"]
    # the fact of the spring's query is the one that was explained
    assert told[0].sql("""
        SELECT issues.return_id FROM quality.issues INNER JOIN quality.explanations USING (urn, fact_id)
        WHERE issues.term = '2025-26-spring'
    """).fetchall() == [("accepted-90",)]


def test_what_an_explanation_is_known_by_is_keyed(told):
    ids = [row[0] for row in told[0].sql("SELECT explanation_id FROM quality.explanations").fetchall()]
    plain = [
        row[0]
        for row in told[0]
        .sql("SELECT left(sha256(urn || '|' || fact_id || '|' || text), 16) FROM quality.explanations")
        .fetchall()
    ]
    assert all(len(known_as) == 16 for known_as in ids)
    assert not set(ids) & set(plain)
