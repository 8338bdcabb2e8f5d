"""What a check of a term leaves behind: states, issues, rows not counted, blank cells, rule runs and the audit."""

from dataclasses import asdict
from datetime import timedelta

import pytest

from expectations.suites import all_rules
from pipelines.checking import check_unplaced, evaluating, missing_rule_runs, rules_that_did_not_run, unbalanced
from pipelines.checking.term_checks import terms_together
from pipelines.settings import Settings
from pipelines.terms import load_calendar
from tests.checking.received import AUTUMN, PULLED, PUPIL, Received, check, open_warehouse, receive, states, upn

EARLIER = {"received_at": PULLED - timedelta(days=1), "serial": 1}
LATER = {"received_at": PULLED, "serial": 2}
WRONG_LETTER = "A801200001001"
LETTER_WRONG = "The first letter of the UPN does not fit its digits, so one of its characters is mistyped."
TWICE = (
    "The same pupil is in the sheet more than once: "
    "another row has the same UPN or ULN, or one of the two gives it as the former UPN."
)
REVIEW = {"planned_date": "2025-09-15"}


def pupils(count: int) -> list[dict[str, str]]:
    return [{"upn": upn(1001 + n)} for n in range(count)]


RECEIVED = {
    "clean": Received("100001", {"reviews": [REVIEW]}),
    "wrong upn": Received(
        "100002",
        {
            "pupils": [{"upn": WRONG_LETTER}, {"upn": upn(1002)}],
            "plans": [{"upn": WRONG_LETTER}, {"upn": upn(1002)}],
            "reviews": [{"upn": WRONG_LETTER}],
            "specialists": [{"upn": WRONG_LETTER}],
        },
    ),
    "plan twice": Received("100003", {"plans": [{}, {}, {"planned_date": "2025-10-15"}], "reviews": [REVIEW]}),
    "nobody": Received("100004", {"pupils": [], "plans": [{}], "reviews": [REVIEW], "specialists": [{}]}),
    "blank key": Received("100005", {"plans": [{}, {"upn": None}, {"upn": "J80120\u200b0001002"}]}),
    "undated plan": Received("100006", {"reviews": [{"planned_date": "soon"}]}),
    "two arrangements": Received("100007", {"arrangements": [{}, {}]}),
    "sheet missing": Received("100008", sheets=[{"table_name": "pupils", "found": False}]),
    "truncated": Received("100009", file={"fault": "truncated", "specification": None}),
    "good, then rejected": Received("100010", file=EARLIER, file_id="good"),
    "rejected after good": Received("100010", file=LATER | {"specification": "7.0"}, file_id="rejected after"),
    "long": Received("100011", {"pupils": pupils(9), "plans": []}, file=EARLIER, file_id="long"),
    "short": Received("100011", {"pupils": pupils(4), "plans": []}, file=LATER, file_id="short"),
    "dirty": Received("100012", {"pupils": [{"sex": "Q"}]}, file=EARLIER, file_id="dirty"),
    "healed": Received("100012", file=LATER, file_id="healed"),
    "uln unseen": Received("100013", {"pupils": [{"upn": None, "uln": "10000\u200b0043"}], "plans": []}),
    "upn twice over": Received(
        "100014",
        {"pupils": [{"upn__differs": True}, {"upn": upn(1002)}], "plans": [{"upn": upn(1002)}]},
        columns=[{"table_name": "pupils", "field": "upn", "repeated": True, "agrees": False}],
    ),
    "upn of whom its plan is": Received(
        "100026",
        {"pupils": [{"upn": f"{PUPIL} | {upn(1002)}", "upn__differs": True}], "plans": [{"upn": upn(1002)}]},
        columns=[{"table_name": "pupils", "field": "upn", "repeated": True, "agrees": False}],
    ),
    "uln twice over": Received(
        "100027",
        {
            "pupils": [{"upn": None, "uln": "1000000043 | 1000000051", "uln__differs": True}],
            "plans": [{"upn": "1000000043"}],
        },
        columns=[{"table_name": "pupils", "field": "uln", "repeated": True, "agrees": False}],
    ),
    "day twice over": Received(
        "100028",
        {"plans": [{}, {"planned_date": "2025-10-01 | 2025-10-02", "planned_date__differs": True}]},
        columns=[{"table_name": "plans", "field": "planned_date", "repeated": True, "agrees": False}],
    ),
    "cells": Received(
        "100015",
        {
            "pupils": [
                {"upn": upn(1), "uln": "1000000044"},
                {"upn": upn(2), "former_upn": WRONG_LETTER},
                {"upn": upn(3), "former_upn": upn(3)},
                {"upn": upn(4), "uln": "1000000043", "former_upn": upn(5)},
            ],
            "plans": [{"upn": upn(n)} for n in (1, 2, 3, 4)],
        },
    ),
    "former upn of another": Received(
        "100016", {"pupils": [{"upn": upn(6), "former_upn": upn(7)}, {"upn": upn(7)}], "plans": [{"upn": upn(6)}, {"upn": upn(7)}]}
    ),
    "first bytes": Received("100017", file={"serial": 1}, file_id="first bytes"),
    "same bytes": Received("100017", file={"serial": None, "state": "duplicate", "duplicate_of": "first bytes"}, file_id="same bytes"),
    "no arrangements": Received("100018", sheets=[{"table_name": "arrangements", "rows_received": 0}]),
    "uln of another": Received(
        "100020", {"pupils": [{"uln": "1000000043"}, {"upn": upn(8), "uln": "1000000043"}], "plans": [{}, {"upn": upn(8)}]}
    ),
    "wrong uln of another": Received(
        "100021", {"pupils": [{"uln": "1000000044"}, {"upn": upn(8), "uln": "1000000044"}], "plans": [{}, {"upn": upn(8)}]}
    ),
    "review of nobody": Received("100022", {"reviews": [{"upn": upn(8), "next_step": "INVOLVE_SPECIALIST"}]}),
    "no return row": Received(
        "100023", file={"specification": None}, sheets=[{"table_name": "return", "rows_received": 0}]
    ),
    "no specification column": Received(
        "100024",
        file={"specification": None},
        columns=[{"table_name": "return", "field": "specification", "found": False}],
    ),
    "dates of a referral": Received(
        "100025",
        {
            "specialists": [
                {"service": "CAMHS", "first_contact_date": "2025-10-06", "ended_date": "2025-09-21"},
                {"service": "OTHER", "first_contact_date": "2025-10-06", "advice_date": "2025-09-21"},
            ]
        },
    ),
    "referral undated": Received(
        "100019", {"reviews": [{"next_step": "INVOLVE_SPECIALIST"}], "specialists": [{"referred_date": "soon"}]}
    ),
    "stray columns and sheets": Received(
        "100029",
        sheets=[{"table_name": None, "sheet_name": name, "known": False} for name in "XY"],
        columns=[{"table_name": "pupils", "field": None, "column_name": name, "known": False} for name in "AB"],
    ),
    "upn and heading": Received(
        "100030",
        {"pupils": [{"upn": WRONG_LETTER}], "plans": []},
        columns=[{"table_name": "pupils", "field": None, "column_name": PUPIL, "known": False}],
    ),
}  # fmt: skip
ISSUES = {
    "clean": [],
    # what hangs on a row that is not counted is no issue of its own
    "wrong upn": [("PUP02", "pupils", 2)],
    "plan twice": [("PLA02", "plans", 2), ("PLA02", "plans", 3)],
    # without pupils every plan is without its pupil: that follows
    "nobody": [("RET02", "return", 2)],
    "blank key": [("PLA.upn.required", "plans", 3), ("PLA.upn.text", "plans", 4)],
    "undated plan": [("RVW.planned_date.date", "reviews", 2)],
    "two arrangements": [("SHT05", "arrangements", None)],
    "sheet missing": [("SHT01", "pupils", None)],
    "truncated": [("FIL01", "files", None)],
    "good, then rejected": [],
    "rejected after good": [("FIL11", "files", None)],
    "long": [("PUP16", "pupils", n) for n in range(2, 11)],
    "short": [("FIL14", "files", None)],
    "dirty": [],
    "healed": [],
    "uln unseen": [("PUP05", "pupils", 2)],
    "upn twice over": [("COL04", "pupils", None)],
    # whose plan it is hangs on which column is right, and no more is said of it
    "upn of whom its plan is": [("COL04", "pupils", None)],
    "uln twice over": [("COL04", "pupils", None)],
    "day twice over": [("COL04", "plans", None)],
    "cells": [("PUP04", "pupils", 2), ("PUP14", "pupils", 3), ("PUP15", "pupils", 4)],
    "former upn of another": [("PUP11", "pupils", 2), ("PUP11", "pupils", 3)],
    "first bytes": [],
    "same bytes": [("FIL06", "files", None)],
    "no arrangements": [("SHT06", "arrangements", None)],
    "uln of another": [("PUP11", "pupils", 2), ("PUP11", "pupils", 3)],
    # a ULN that cannot be right says nothing of who it is
    "wrong uln of another": [("PUP04", "pupils", 2), ("PUP04", "pupils", 3)],
    "review of nobody": [("RVW01", "reviews", 2)],
    # what is wrong with the sheet itself is not said of the version that it lacks as well
    "no return row": [("SHT04", "return", None)],
    "no specification column": [("COL01", "return", None)],
    # one date, one issue: before the referral is before the first contact too
    "dates of a referral": [("SPE05", "specialists", 2), ("SPE04", "specialists", 3)],
    "referral undated": [("SPE.referred_date.date", "specialists", 2)],
    "stray columns and sheets": [("COL02", "pupils", None)] * 2 + [("SHT02", "sheets", None)] * 2,
    "upn and heading": [("COL02", "pupils", None), ("PUP02", "pupils", 2), ("PUP16", "pupils", 2)],
}
NOT_COUNTED = {
    "wrong upn": {
        ("pupils", 2): LETTER_WRONG,
        ("plans", 2): "depends on row 2 of pupils",
        ("reviews", 2): "depends on row 2 of pupils",
        ("specialists", 2): "depends on row 2 of pupils",
    },
    "plan twice": {
        ("plans", 2): "There is more than one plan for this pupil with this date.",
        ("plans", 3): "There is more than one plan for this pupil with this date.",
        ("reviews", 2): "depends on row 2 of plans",
    },
    "nobody": {
        (table, 2): 'There is no pupil with this UPN in the sheet "pupils".'
        for table in ("plans", "reviews", "specialists")
    },
    "blank key": {
        ("plans", 3): '"UPN" is blank.',
        ("plans", 4): '"UPN" holds a character that cannot be seen, often from copying out of another program.',
    },
    "undated plan": {("reviews", 2): '"Planned date of the plan reviewed" is not a date that we can read.'},
    "two arrangements": {
        ("arrangements", n): 'The sheet "arrangements" has more than one row, so we cannot tell which one is right.'
        for n in (2, 3)
    },
    "uln unseen": {
        (
            "pupils",
            2,
        ): "The ULN is not a valid one, and there is no UPN. A ULN has ten digits, and the last one checks the others."
    },
    "upn twice over": {("pupils", 2): 'The two columns "UPN" do not say the same.'},
    "upn of whom its plan is": {
        ("pupils", 2): 'The two columns "UPN" do not say the same.',
        ("plans", 2): "depends on row 2 of pupils",
    },
    "uln twice over": {
        ("pupils", 2): 'The two columns "ULN" do not say the same.',
        ("plans", 2): "depends on row 2 of pupils",
    },
    "day twice over": {("plans", 3): 'The two columns "Planned on" do not say the same.'},
    "former upn of another": {
        (
            "pupils",
            2,
        ): TWICE,
        (
            "pupils",
            3,
        ): TWICE,
        ("plans", 2): "depends on row 2 of pupils",
        ("plans", 3): "depends on row 3 of pupils",
    },
    "uln of another": {
        ("pupils", 2): TWICE,
        ("pupils", 3): TWICE,
        ("plans", 2): "depends on row 2 of pupils",
        ("plans", 3): "depends on row 3 of pupils",
    },
    "review of nobody": {("reviews", 2): 'There is no pupil with this UPN in the sheet "pupils".'},
    "referral undated": {("specialists", 2): '"Referred on" is not a date that we can read.'},
    "upn and heading": {("pupils", 2): LETTER_WRONG},
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """(settings, connection, summary): everything received and checked once, and a school that sent nothing."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"))
    with open_warehouse() as connection:
        receive(connection, *RECEIVED.values())
        connection.execute(
            "INSERT INTO reference.schools (urn, la_code, status_code) VALUES ('100099', '801', '1'), ('555555', '999', '1')"
        )
        yield settings, connection, check(settings, connection)


@pytest.mark.parametrize("name", ISSUES)
def test_a_return_has_its_issues_and_no_others(checked, name):
    _, connection, _ = checked
    # these schools have the usual pupil in common: that is a query at each of them (PUP25)
    found = connection.execute(
        "SELECT rule_code, table_name, row_number FROM quality.issues "
        "WHERE return_id = ? AND rule_code <> 'PUP25' ORDER BY ALL",
        [RECEIVED[name].file_id],
    ).fetchall()
    assert found == sorted(ISSUES[name])


def test_rows_not_counted_are_those_whose_identity_is_wrong_and_those_that_hang_on_them(checked):
    _, connection, _ = checked
    found = {}
    for return_id, table, number, reason in connection.sql(
        "SELECT return_id, table_name, row_number, reason FROM quality.quarantined_rows"
    ).fetchall():
        found.setdefault(return_id, {})[table, number] = reason
    assert found == {RECEIVED[name].file_id: rows for name, rows in NOT_COUNTED.items()}


def test_states_follow_from_what_was_found_and_in_which_order_it_came(checked):
    _, connection, summary = checked
    found = states(connection)
    not_current = {file_id: state for file_id, state in found.items() if state != "current"}
    assert not_current == {
        RECEIVED["sheet missing"].file_id: "rejected",
        RECEIVED["truncated"].file_id: "rejected",
        RECEIVED["no return row"].file_id: "rejected",
        RECEIVED["no specification column"].file_id: "rejected",
        "rejected after": "rejected",
        "short": "held",
        "dirty": "superseded",
        "same bytes": "duplicate",
    }
    assert (summary.rejected, summary.held, summary.superseded) == (5, 1, 1)
    assert summary.current == len(RECEIVED) - 8


def test_a_cell_that_a_rule_costs_is_blank_and_its_text_is_kept(checked):
    _, connection, _ = checked
    rows = connection.execute(
        "SELECT row_number, uln, uln__text, former_upn, former_upn__text FROM raw.pupils WHERE return_urn = '100015' ORDER BY 1"
    ).fetchall()
    assert rows == [
        (2, None, "1000000044", None, None),
        (3, None, None, None, WRONG_LETTER),
        (4, None, None, None, upn(3)),
        (5, "1000000043", "1000000043", upn(5), upn(5)),
    ]


def test_an_issue_says_what_is_wrong_by_what_was_found_in_the_cell(checked):
    _, connection, _ = checked
    (issue,) = connection.sql("""
        SELECT file_name, urn, term, severity, field, fields, value, upn, message, remedy, costs
        FROM quality.issues WHERE rule_code = 'RVW.planned_date.date'
    """).fetchall()
    one = RECEIVED["undated plan"]
    assert issue == (
        f"{one.file_id}.xlsx", one.urn, AUTUMN, "error", "planned_date", "planned_date", "soon", PUPIL,
        '"Planned date of the plan reviewed" is not a date that we can read.',
        "Give the date as day/month/year, such as 02/10/2025.", "row",
    )  # fmt: skip


def test_a_held_file_says_which_sheet_lost_its_rows(checked):
    _, connection, _ = checked
    [(message,)] = connection.sql("SELECT message FROM quality.issues WHERE rule_code = 'FIL14'").fetchall()
    assert message.startswith('The sheet "pupils" has fewer than half the rows')


def test_every_school_has_a_result_for_every_rule(checked):
    settings, connection, _ = checked
    assert missing_rule_runs(settings, connection, [AUTUMN]) == []
    schools = {one.urn for one in RECEIVED.values()} | {"100099"}
    (count, distinct, urns) = connection.sql(
        "SELECT count(*), count(DISTINCT (urn, rule_code)), count(DISTINCT urn) FROM quality.rule_runs"
    ).fetchone()
    assert count == distinct == len(schools) * len(all_rules())
    assert urns == len(schools)


@pytest.mark.parametrize(
    ("name", "rule_code", "expected"),
    [
        ("clean", "PUP02", ("holds", None, 1, 0)),
        ("clean", "SPE01", ("not_applicable", "no rows", 0, 0)),
        ("wrong upn", "PUP02", ("broken", None, 2, 1)),
        ("nobody", "PLA01", ("not_applicable", "follows from RET02", 1, 0)),
        ("truncated", "FIL01", ("broken", None, 1, 1)),
        ("truncated", "SHT01", ("not_applicable", "the file could not be read", 0, 0)),
        ("truncated", "PUP02", ("not_applicable", "no return that could be used", 0, 0)),
        ("good, then rejected", "FIL11", ("broken", None, 2, 1)),
        ("dirty", "PUP.sex.code", ("holds", None, 1, 0)),
        (None, "PUP02", ("not_applicable", "no return this term", 0, 0)),
    ],
)
def test_a_rule_run_says_why_it_is_not_applicable(checked, name, rule_code, expected):
    _, connection, _ = checked
    urn = RECEIVED[name].urn if name else "100099"
    assert (
        connection.execute(
            "SELECT result, reason, rows_checked, rows_broken FROM quality.rule_runs WHERE urn = ? AND rule_code = ?",
            [urn, rule_code],
        ).fetchone()
        == expected
    )


def test_received_is_accepted_and_not_counted_and_a_row_that_is_lost_is_noticed(checked):
    _, connection, summary = checked
    assert unbalanced(connection, [AUTUMN]) == []
    assert summary.rows_received == summary.rows_accepted + summary.rows_quarantined
    connection.execute("BEGIN")
    connection.execute("DELETE FROM raw.pupils WHERE return_id = ?", [RECEIVED["clean"].file_id])
    assert unbalanced(connection, [AUTUMN]) == [(RECEIVED["clean"].file_id, "pupils", 1, 0, 0)]
    connection.execute("ROLLBACK")


@pytest.mark.parametrize("urn", ["100001", "100099"], ids=["a school with a return", "a silent school"])
def test_a_rule_run_that_is_missing_is_noticed(checked, urn):
    settings, connection, _ = checked
    connection.execute("BEGIN")
    connection.execute("DELETE FROM quality.rule_runs WHERE urn = ? AND rule_code = 'PUP07'", [urn])
    assert missing_rule_runs(settings, connection, [AUTUMN]) == [(AUTUMN, "PUP07", 1)]
    # nor is it passed over where the school has no result at all
    connection.execute("DELETE FROM quality.rule_runs WHERE urn = ?", [urn])
    missing = missing_rule_runs(settings, connection, [AUTUMN])
    assert {(term, schools) for term, _, schools in missing} == {(AUTUMN, 1)}
    assert {code for _, code, _ in missing} == {rule.code for rule in all_rules()}
    connection.execute("ROLLBACK")


def _everything(connection) -> dict[str, list[tuple]]:
    tables = (
        "quality.issues",
        "quality.quarantined_rows",
        "quality.rule_runs",
        "ledger.audit",
        "ledger.files",
        "ledger.returns",
        "raw.pupils",
    )
    return {table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables}


def test_checking_again_changes_nothing_and_a_released_file_supersedes(checked):
    settings, connection, summary = checked
    before = _everything(connection)
    assert asdict(check(settings, connection)) == asdict(summary)
    assert _everything(connection) == before
    connection.execute("UPDATE ledger.files SET released_at = TIMESTAMP '2025-12-11 09:00:00' WHERE file_id = 'short'")
    check(settings, connection)
    found = states(connection)
    assert (found["long"], found["short"]) == ("superseded", "current")


def test_a_rule_that_could_not_run_is_seen_and_is_no_school_s_issue(settings, monkeypatch):
    real_suite = evaluating.suite

    def suite_with_a_fault(name, rules, schema):
        suite = real_suite(name, rules, schema)
        for expectation in suite.expectations:
            if expectation.meta["code"] == "PUP08":
                expectation.column = "no_such_column"
        return suite

    monkeypatch.setattr(evaluating, "suite", suite_with_a_fault)
    with open_warehouse() as connection:
        receive(connection, Received("100001", {"pupils": [{"sex": "Q", "secondary_need": "SLCN"}]}))
        summary = check(settings, connection)
        assert summary.rules_not_run == 1
        assert [code for (code,) in connection.sql("SELECT rule_code FROM quality.issues").fetchall()] == [
            "PUP.sex.code"
        ]
        ((term, code, reason),) = rules_that_did_not_run(connection, [AUTUMN])
        assert (term, code) == (AUTUMN, "PUP08")
        assert reason
        assert missing_rule_runs(settings, connection, [AUTUMN]) == []


def test_files_without_school_or_term_have_issues_of_their_own(settings):
    lost = Received("100001", file={"state": "unplaced", "urn": None, "term": None}, file_id="lost")
    link = Received("100001", file={"state": "link", "urn": None, "term": None}, file_id="link")
    shut = Received("100001", file={"state": "waiting_not_readable"}, file_id="shut")
    bomb = Received("100001", file={"state": "unplaced", "fault": "too_large"}, file_id="bomb")
    with open_warehouse() as connection:
        receive(connection, lost, link, shut, bomb)
        for _ in range(2):
            assert check_unplaced(settings, connection) == 4
            assert connection.sql(
                "SELECT return_id, rule_code, urn, term FROM quality.issues ORDER BY ALL"
            ).fetchall() == [
                ("bomb", "FIL03", None, None),
                ("link", "FIL15", None, None),
                ("lost", "FIL10", None, None),
                ("shut", "FIL16", None, None),
            ]
        broken = connection.sql("SELECT rule_code FROM quality.rule_runs WHERE result = 'broken' ORDER BY 1").fetchall()
        assert [code for (code,) in broken] == ["FIL03", "FIL10", "FIL15", "FIL16"]


def test_the_id_of_an_issue_says_nothing_of_a_value(checked, settings):
    def ids(connection) -> list[tuple]:
        return connection.sql(
            "SELECT rule_code, issue_id FROM quality.issues WHERE urn = '100030' ORDER BY ALL"
        ).fetchall()

    _, connection, _ = checked
    found = ids(connection)
    with open_warehouse() as another:
        stray = {"table_name": "pupils", "field": None, "column_name": "Tutor group", "known": False}
        tables = {"pupils": [{"upn": "B801200001001"}], "plans": []}
        same_file = RECEIVED["upn and heading"].file_id
        receive(another, Received("100030", tables, columns=[stray], file_id=same_file))
        check(settings, another)
        assert found == ids(another)
    assert [code for code, _ in found] == ["COL02", "PUP02", "PUP16"]


def test_a_file_named_after_a_pupil_is_not_so_named_in_its_issue(settings):
    named = {"state": "unplaced", "fault": "pdf", "file_name": f"plan of {PUPIL}.pdf"}
    with open_warehouse() as connection:
        receive(connection, Received("100001", file=named | {"urn": None, "term": None}, file_id="named"))
        check_unplaced(settings, connection)
        assert connection.sql("SELECT file_name FROM quality.issues").fetchall() == [("plan of […].pdf",)]


def test_no_two_issues_have_the_same_id(checked):
    _, connection, _ = checked
    # two stray columns, or sheets, of one file have nothing else to tell them apart
    [(count, distinct)] = connection.sql("SELECT count(*), count(DISTINCT issue_id) FROM quality.issues").fetchall()
    assert count == distinct > 0


def test_small_terms_are_checked_together_and_large_ones_apart(settings):
    terms = [about for key, about in load_calendar(settings).items() if key.startswith("2025-26")]
    names = [term.term for term in terms]
    with open_warehouse() as connection:
        assert terms_together(connection, terms) == [terms]
        for term, rows in zip(names, (200_000, 100_000, 1), strict=True):
            connection.execute("INSERT INTO raw.sheets (term, rows_received) VALUES (?, ?)", [term, rows])
        assert terms_together(connection, terms) == [terms[:2], terms[2:]]
        connection.execute("UPDATE raw.sheets SET rows_received = 400_000")
        assert terms_together(connection, terms) == [[term] for term in terms]
