"""What a school is told the second time: what is new, what is still open, what is settled; and a workbook that comes back."""

import io
from datetime import datetime

import openpyxl
import pytest

from pipelines.feedback import answer_schools
from tests.feedback.conftest import ON, TERM, UPN
from tests.feedback.test_letters import flat, opened, words_of

FIRST, SECOND = "aaaaaaaa00000001", "bbbbbbbb00000002"
FACT, OTHER_FACT = "3f9a07be1c000001", "00000000ab000002"
WHEN = datetime(2025, 12, 9, 10, 30)


@pytest.fixture
def school(authority):
    """A school whose second return has one query that the first had already."""
    authority.school()
    authority.contact()
    authority.file(FIRST, state="superseded")
    authority.file(SECOND, serial=2, day=10)
    authority.pupils({"row_number": 2, "upn": UPN, "sex": "F"}, return_id=SECOND)
    authority.issue(
        "PUP16", "query", SECOND, row_number=2, field="upn", message="No plan.", remedy="Add it.", fact_id=FACT, upn=UPN
    )
    life(authority, FACT, last_return_id=SECOND)
    return authority


def life(authority, fact_id, rule_code="PUP16", **more):
    values = {
        "urn": "100001", "term": TERM, "rule_code": rule_code, "severity": "query", "table_name": "pupils",
        "message": "No plan.", "remedy": "Add it.", "first_return_id": FIRST, "first_seen_at": WHEN,
        "last_return_id": FIRST,
    }  # fmt: skip
    authority.insert("quality.issue_lives", fact_id=fact_id, **values | more)


def explain(authority, decision=None, note=None, text="She came last week.", known_as="e1", fact_id=FACT):
    authority.insert(
        "quality.explanations", explanation_id=known_as, urn="100001", fact_id=fact_id, rule_code="PUP16", term=TERM,
        return_id=SECOND, text=text, given_at=WHEN.date(), decision=decision, note=note,
    )  # fmt: skip


def letter(authority):
    """The newest letter: its kind, and what it says as text, the HTML saying the same."""
    known = set(authority.outbox(".eml"))
    counts = answer_schools(authority.settings, authority.connection, [TERM], ON)
    fresh = [path for path in authority.outbox(".eml") if path not in known]
    if not fresh:
        assert counts["letters"] == 0
        return None, None
    (path,) = fresh
    _, text, html, _ = opened(path.read_bytes())
    return path.name.rpartition("_")[0], (flat(text), words_of(html))


def test_a_query_from_before_says_since_when_it_is_open(school):
    school.issue("PUP10", "query", SECOND, row_number=2, field="year_group", message="Year group?", fact_id=OTHER_FACT)
    life(school, OTHER_FACT, "PUP10", first_return_id=SECOND, last_return_id=SECOND)

    kind, said = letter(school)

    assert kind == "queried"
    for words in said:
        new, old = words.lower().split("queries from before, still to be corrected or explained")
        assert "year group?" in new
        assert "no plan." in old
        assert "open since 9 december 2025" in old
        assert "open since" not in new


def test_what_was_corrected_is_settled_by_rule_and_number_alone(school):
    for number in (4, 5):
        life(school, f"ccccccccc{number}", "PUP07", severity="error", message="NSA is not for E.", last_row_number=number,
             corrected_by_return_id=SECOND)  # fmt: skip

    _, said = letter(school)

    for words in said:
        assert "2 points from before are settled" in words
        settled = words.lower().split("settled: nothing more to do")[1]
        assert "nsa is not for e." in settled
        assert "2 rows" in settled
        assert "corrected" in settled
    # what is settled asks for nothing
    assert said[0].count("What to do: ") == 1


def test_a_query_that_is_explained_waits_for_us_and_its_return_is_accepted(school):
    assert letter(school)[0] == "queried"
    explain(school)

    kind, said = letter(school)

    assert kind == "accepted"
    for words in said:
        assert "You have explained 1 query: we are reading what you say" in words
        assert "nothing left to correct or to explain" in words
        assert "She came last week" not in words
    assert letter(school) == (None, None)


def test_an_accepted_explanation_is_settled_and_a_refused_one_is_asked_again_with_the_reason(school):
    letter(school)
    explain(school)
    school.connection.execute("UPDATE quality.explanations SET decision = 'accepted'")
    kind, said = letter(school)
    assert kind == "accepted"
    for words in said:
        assert "We have accepted what you say of 1 query" in words
        assert "explanation accepted" in words

    school.connection.execute("UPDATE quality.explanations SET decision = 'refused', note = 'Then where is the plan?'")
    kind, said = letter(school)
    assert kind == "queried"
    for words in said:
        assert "1 explanation that we could not accept" in words
        assert "Your explanation was not accepted: Then where is the plan?" in words
        assert "1 query: " in words


def test_a_later_explanation_stands_beside_one_that_was_refused(school):
    explain(school, "refused", "Why?")
    assert letter(school)[0] == "queried"
    explain(school, text="The plan is being written.", known_as="e2")
    assert letter(school)[0] == "accepted"


def test_the_same_content_never_goes_twice(school):
    assert letter(school)[0] == "queried"
    explain(school, "refused", "Why?")
    assert letter(school)[0] == "queried"
    assert letter(school) == (None, None)
    # back to where it was: said before
    school.connection.execute("DELETE FROM quality.explanations")
    assert letter(school) == (None, None)


def workbook_of(authority):
    answer_schools(authority.settings, authority.connection, [TERM], ON)
    newest = max(authority.outbox(".xlsx"), key=lambda path: path.stat().st_mtime_ns)
    return openpyxl.load_workbook(io.BytesIO(newest.read_bytes()))


def table(sheet):
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_the_workbook_has_each_query_once_with_its_reference_and_room_to_explain(school):
    # the same pupil twice in the sheet is one fact; an error is not explained
    school.issue("PUP16", "query", SECOND, row_number=3, field="upn", message="No plan.", fact_id=FACT, upn=UPN)
    school.issue("PUP07", "error", SECOND, row_number=2, fact_id=OTHER_FACT)

    book = workbook_of(school)

    assert table(book["explanations"]) == [
        {
            "reference": "Q-3F9A0-7BE1C",
            "sheet": "pupils",
            "row": "2",
            "UPN": UPN,
            "question": "No plan.",
            "explanation": None,
            "where it stands": "Open since 9 December 2025",
        }
    ]
    issues = table(book["Issues"])
    assert [(row["Rule"], row["Reference"], row["Where it stands"]) for row in issues] == [
        ("PUP07", None, "New"),
        ("PUP16", "Q-3F9A0-7BE1C", "Open since 9 December 2025"),
        ("PUP16", "Q-3F9A0-7BE1C", "Open since 9 December 2025"),
    ]


def test_the_workbook_keeps_what_waits_asks_again_what_was_refused_and_drops_what_was_accepted(school):
    for number, (decision, note) in enumerate(((None, None), ("refused", "Why?"), ("accepted", None))):
        fact = f"{number}000000000ff"
        school.issue("PUP10", "query", SECOND, row_number=10 + number, field="sex", message="Sex?", fact_id=fact)
        explain(school, decision, note, text=f"Text {number}.", known_as=f"x{number}", fact_id=fact)

    rows = {row["row"]: row for row in table(workbook_of(school)["explanations"])}

    assert rows.keys() == {"2", "10", "11"}
    assert (rows["10"]["explanation"], rows["10"]["where it stands"]) == ("Text 0.", "Explained: we are reading it")
    assert (rows["11"]["explanation"], rows["11"]["where it stands"]) == (
        None,
        "Your explanation was not accepted: Why?",
    )


def test_a_return_without_a_query_has_no_sheet_of_explanations(school):
    school.connection.execute("DELETE FROM quality.issues")
    school.issue(row_number=2, return_id=SECOND, fact_id=FACT)
    assert "explanations" not in workbook_of(school).sheetnames
