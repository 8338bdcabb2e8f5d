"""What letters say, to whom, and that nothing about a pupil is in them."""

import email
import email.policy
import re
from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from expectations.contracts import load_contract
from pipelines.feedback import answer_schools
from pipelines.feedback.contacts import Contact, written_to
from pipelines.feedback.findings import in_order
from pipelines.feedback.letters import kind_of_answer, write_answer
from tests.feedback.conftest import ON, OTHER_UPN, TERM, UPN


def opened(data):
    """Subject, text, HTML and the parsed message of an .eml file's bytes."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    return message["Subject"], text, html, message


@pytest.fixture
def letters(authority):
    """Answers the schools, and gives each letter of the outbox by its kind (part of the file's name)."""

    def answer(on=ON):
        answer_schools(authority.settings, authority.connection, [TERM], on)
        return {path.name.rpartition("_")[0]: opened(path.read_bytes()) for path in authority.outbox(".eml")}

    authority.school()
    authority.contact()
    return answer


def flat(text):
    return " ".join(text.split())


def words_of(html):
    import html as entities

    return flat(entities.unescape(re.sub(r"<[^>]+>", " ", html)))


def test_accepted_with_errors_says_what_is_not_counted_and_never_quarantined(authority, letters):
    authority.file()
    authority.pupils(*({"row_number": n, "upn": UPN} for n in range(2, 12)))
    for row in (2, 3, 4):
        authority.issue(row_number=row)
    authority.issue("PUP02", row_number=5, field="upn", costs="row", message="The check letter does not fit.")
    authority.issue("PUP.sex.code", row_number=6, field="sex", costs="cell", message="Sex is not a code.")
    authority.issue("PUP16", "query", row_number=7, field="upn", message="No plan.")
    authority.quarantine(5)

    subject, text, html, message = letters()["accepted_with_errors"]

    # 3 of PUP07, one row and one cell: five errors; of ten rows one is not counted
    assert subject == ("SEN return: 5 errors to correct, 1 query to check – Oakfield Primary School, Autumn 2025-26")
    for words in (flat(text), words_of(html)):
        assert "Accepted with errors" in words or "ACCEPTED WITH ERRORS" in words
        assert "1 of its 10 rows and 1 single entry are not counted until corrected" in words
        assert "3 rows" in words
        assert "Please do this by 19 December 2025." in words
        assert "8012001_2025-26_autumn_02.xlsx" in words
        assert "8012001_2025-26_autumn_01_feedback_aaaaaaaa.xlsx" in words
        assert "sen-returns@westmere.example" in words
        assert "quarantin" not in words.lower()
    assert str(message["From"]) == "Westmere Council <sen-returns@westmere.example>"


def test_each_rule_is_said_once_however_many_rows_break_it(authority, letters):
    authority.file()
    authority.issue(row_number=2)
    authority.connection.execute(
        """
        INSERT INTO quality.issues
        SELECT issues.* REPLACE (n::INTEGER AS row_number)
        FROM quality.issues AS issues, range(3, 1300) AS numbers(n)
        """
    )

    _, text, html, _ = letters()["accepted_with_errors"]

    assert text.count("NSA (no specialist assessment)") == 1
    assert html.count("NSA (no specialist assessment)") == 1
    assert "1,298 rows" in text
    assert "1,298 rows" in html


def test_rows_that_only_belong_to_one_at_fault_are_explained(authority, letters):
    authority.file()
    authority.pupils(*({"row_number": n, "upn": UPN} for n in range(2, 12)))
    authority.issue("PUP02", row_number=5, field="upn", costs="row", remedy="Correct it. Until then it is not counted.")
    authority.quarantine(5)
    assert "belong to one that has" not in letters()["accepted_with_errors"][1]

    authority.quarantine(6)
    authority.issue("PUP16", "query", row_number=7)
    letters()
    texts = [flat(opened(path.read_bytes())[1]) for path in authority.outbox(".eml")]

    assert sum("belong to one that has" in text for text in texts) == 1
    # the remedy says already what the error costs
    assert not any("The row is not counted until corrected." in text for text in texts)


def test_queries_alone_leave_everything_counted(authority, letters):
    authority.file()
    authority.pupils({"row_number": 2, "upn": UPN}, {"row_number": 3, "upn": OTHER_UPN})
    authority.issue("PUP16", "query", row_number=2, message="No plan.")

    subject, text, _, _ = letters()["queried"]

    assert subject.startswith("SEN return: 1 query to check")
    assert "All of its 2 rows are counted." in flat(text)
    assert "There is 1 query" in flat(text)


def test_a_rejected_file_is_answered_with_its_name_what_to_do_and_what_still_counts(authority, letters):
    authority.file(day=8)
    authority.file("bbbbbbbb00000002", state="rejected", serial=2, fault="old_xls")
    authority.issue(
        "FIL04", return_id="bbbbbbbb00000002", table_name="files", field=None, fields=None, row_number=None,
        costs="rejects", message="This file is in the old Excel format.", remedy="Save it as an Excel workbook.",
    )  # fmt: skip

    found = letters()
    subject, text, html, _ = found["rejected"]

    assert list(found) == ["rejected"]  # of the return that counts there is nothing to say
    assert subject == "SEN return: your file could not be used – Oakfield Primary School, Autumn 2025-26"
    for words in (flat(text), words_of(html)):
        assert "8012001_2025-26_autumn_02.xlsx" in words
        assert "Nothing in it is counted" in words
        assert "This file is in the old Excel format." in words
        assert "Save it as an Excel workbook." in words
        assert "The return that you sent on 8 December 2025 (8012001_2025-26_autumn_01.xlsx) stays in place" in words
        assert "8012001_2025-26_autumn_03.xlsx" in words  # the name for the next try


def test_a_rejected_file_of_a_school_without_another_return_leaves_it_missing(authority, letters):
    authority.file(state="rejected")
    authority.issue("FIL01", table_name="files", field=None, fields=None, row_number=None, costs="rejects")

    _, text, _, _ = letters()["rejected"]

    assert "it is shown as missing" in flat(text)


def test_a_rejected_file_that_a_newer_one_made_up_for_asks_for_nothing(authority, letters):
    authority.file(state="rejected", day=8)
    authority.issue("FIL01", table_name="files", field=None, fields=None, row_number=None, costs="rejects")
    authority.file("bbbbbbbb00000002", serial=2)

    found = letters()

    assert set(found) == {"rejected", "accepted"}
    _, text, _, _ = found["rejected"]
    assert "there is nothing you need do about this file" in flat(text)
    assert "WHAT TO DO" not in text


@pytest.mark.parametrize("state", ["rejected", "duplicate"])
def test_a_file_whose_reason_is_gone_since_a_newer_one_came_is_not_answered_a_second_time(authority, letters, state):
    authority.file(state=state, day=8)
    authority.issue("FIL01", table_name="files", field=None, fields=None, row_number=None)
    letters()
    authority.file("bbbbbbbb00000002", serial=2)
    authority.connection.execute("DELETE FROM quality.issues")  # as checking does, once the newer return counts

    letters()

    assert [kind for (kind,) in authority.letters("kind")].count(state) == 1


def test_a_held_file_says_that_it_waits_and_that_the_earlier_return_counts(authority, letters):
    authority.file(day=8)
    authority.file("bbbbbbbb00000002", state="held", serial=2)
    authority.issue(
        "FIL14", return_id="bbbbbbbb00000002", table_name="files", field=None, fields=None, row_number=None,
        costs="holds", message="This file has fewer than half the rows.",
    )  # fmt: skip

    subject, text, _, _ = letters()["held"]

    assert subject.startswith("SEN return: your new file is on hold")
    assert "the return that you sent on 8 December 2025 (8012001_2025-26_autumn_01.xlsx)" in flat(text)
    assert "your earlier return stays in place" in flat(text)


def test_a_file_that_came_twice_is_told_so(authority, letters):
    authority.file(day=8)
    authority.file("bbbbbbbb00000002", state="duplicate", serial=2, duplicate_of="aaaaaaaa00000001")

    found = letters()

    assert list(found) == ["duplicate"]
    assert "exactly the same as a file that you sent before" in flat(found["duplicate"][1])
    assert authority.outbox(".xlsx") == []
    assert "If that is what you meant, there is nothing to do" in flat(found["duplicate"][1])


def test_a_file_that_came_twice_is_told_which_one_counts_where_it_is_another(authority, letters):
    authority.file(state="superseded", day=8)
    authority.file("bbbbbbbb00000002", day=9, serial=2)
    authority.file("cccccccc00000003", state="duplicate", day=10, serial=3, duplicate_of="aaaaaaaa00000001")

    text = flat(letters()["duplicate"][1])

    assert "that is 8012001_2025-26_autumn_02.xlsx, received on 9 December 2025" in text
    assert "save it once more and send it as 8012001_2025-26_autumn_04.xlsx" in text
    assert "there is nothing to do" not in text


def test_a_file_that_came_twice_and_could_not_be_used_leaves_the_return_missing(authority, letters):
    authority.file(state="rejected", day=8)
    authority.issue("FIL01", table_name="files", field=None, fields=None, row_number=None, costs="rejects")
    authority.file("bbbbbbbb00000002", state="duplicate", day=9, serial=2, duplicate_of="aaaaaaaa00000001")

    assert "it is shown as missing" in flat(letters()["duplicate"][1])


def test_a_clean_return_is_thanked_for_only_where_something_was_said_before(authority, letters):
    authority.file()
    assert letters() == {}

    authority.state("aaaaaaaa00000001", "rejected")
    authority.issue("FIL01", table_name="files", field=None, fields=None, row_number=None, costs="rejects")
    letters()
    authority.file("bbbbbbbb00000002", serial=2)

    subject, text, _, _ = letters()["accepted"]
    assert subject.startswith("Thank you: your SEN return is complete")
    assert "WHAT TO DO" not in text


def test_a_rejected_file_after_it_is_no_reason_to_thank_for_a_clean_return(authority, letters):
    authority.file(day=8)
    authority.file("bbbbbbbb00000002", state="rejected", serial=2)
    letters()

    assert set(letters()) == {"rejected"}  # nor when the letter about the later file is in the ledger


def test_a_return_whose_issues_are_gone_is_thanked_for(authority, letters):
    authority.file()
    authority.issue("PUP16", "query", row_number=2)
    letters()
    authority.connection.execute("DELETE FROM quality.issues")

    assert set(letters()) == {"queried", "accepted"}


def test_after_the_deadline_the_letter_says_so(authority, letters):
    authority.file()
    authority.issue(row_number=2)

    _, text, _, _ = letters(on=date(2025, 12, 20))["accepted_with_errors"]

    assert "The deadline was 19 December 2025. Please send your return as soon as you can." in flat(text)


def test_text_and_html_say_the_same_numbers(authority, letters):
    authority.file()
    authority.pupils(*({"row_number": n, "upn": UPN} for n in range(2, 42)))
    for rule, rows in {"PUP07": 13, "PUP08": 7, "PUP12": 1}.items():
        for row in range(2, 2 + rows):
            authority.issue(rule, row_number=row, message=f"Sentence of {rule}.")
    for row in range(2, 7):
        authority.issue("PUP16", "query", row_number=row, message="Sentence of PUP16.")

    _, text, html, _ = letters()["accepted_with_errors"]

    for rule, rows in {"PUP07": "13 rows", "PUP08": "7 rows", "PUP12": "1 row", "PUP16": "5 rows"}.items():
        assert re.search(rf"Sentence of {rule}\..*?· {rows} · rule {rule}", flat(text))
        assert re.search(rf"Sentence of {rule}\..*?rule {rule}.*?{rows}", words_of(html))
    for words in (flat(text), words_of(html)):
        assert "it has 21 errors" in words
        assert "5 queries" in words


# ------------------------------------------------------------------------------------------------- nothing about a pupil

# texts that no sentence of ours holds, so that finding one in a letter means that it leaked
values = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60).map(
    lambda text: f"zq{text}qz"
)
upns = st.from_regex(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-Z]", fullmatch=True) | st.from_regex(r"[0-9]{10}", fullmatch=True)
issue_rows = st.fixed_dictionaries(
    {
        "rule_code": st.sampled_from(["PUP02", "PUP07", "PUP16", "PUP.sex.code", "FIL12"]),
        "severity": st.sampled_from(["error", "query"]),
        "table_name": st.sampled_from([*load_contract().tables, "files"]) | values,
        "row_number": st.none() | st.integers(2, 5_000),
        "field": st.none() | st.sampled_from(["upn", "sex", "planned_date"]) | values,
        "value": st.none() | values | upns,
        "upn": st.none() | upns,
        "costs": st.sampled_from(["row", "cell", "nothing"]),
    }
)


@given(rows=st.lists(issue_rows, min_size=1, max_size=12), file_upn=upns)
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_no_value_and_no_upn_is_ever_in_a_letter(make_settings, facts_of, rows, file_upn):
    issues = pl.DataFrame(
        [
            row
            | {"fields": row["field"], "issue_id": str(n), "message": "A sentence.", "remedy": f"Correct {row['upn']}."}
            for n, row in enumerate(rows)
        ],
        schema_overrides=dict.fromkeys(("value", "upn", "field", "fields"), pl.String) | {"row_number": pl.Int32},
    )
    contract = load_contract()
    facts = facts_of(file_name=f"{file_upn}_jones.xlsx")

    letter = write_answer(
        make_settings(),
        contract,
        facts,
        kind_of_answer("current", in_order(issues, contract)),
        in_order(issues, contract),
        [],
        "x.xlsx",
        ON,
    )

    subject, text, html, _ = opened(letter.message)
    told = [letter.subject, letter.path, subject, text, html, flat(text), words_of(html)]
    told.append(letter.message.decode("latin-1").replace("=\r\n", ""))
    for row in rows:
        secrets = [row["value"], row["upn"], row["field"] if (row["field"] or "").startswith("zq") else None]
        for secret in filter(None, [*secrets, file_upn]):
            assert not any(secret in part for part in told)


def test_a_schools_name_cannot_put_markup_into_the_letter(authority, letters):
    authority.connection.execute("UPDATE reference.schools SET name = ?", ["<script>alert(1)</script> {{ 7*7 }}"])
    authority.file(file_name="<img src=x>.xlsx")
    authority.issue(row_number=2, message="A <b>sentence</b>.")

    subject, text, html, _ = letters()["accepted_with_errors"]

    assert "<script>" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert "{{ 7*7 }}" in text
    assert "<img src=x>.xlsx" in text
    assert "<script>alert(1)</script>" in subject


# ------------------------------------------------------------------------------------------------------------- addresses


def test_a_head_is_written_to_where_nothing_counts_or_there_is_nobody_else():
    senco, office, head = (
        Contact("", f"{role}@x.example", role.upper()) for role in ("senco", "office", "headteacher")
    )

    assert written_to([senco, office, head], "accepted_with_errors") == [senco, office]
    assert written_to([senco, office, head], "rejected") == [senco, office, head]
    assert written_to([senco, office, head], "reminder") == [senco, office, head]
    assert written_to([head], "queried") == [head]
    assert written_to([], "queried") == []


def test_one_person_in_two_roles_gets_one_letter():
    both = [Contact("S", "s@x.example", "SENCO"), Contact("S", "S@x.example", "OFFICE")]

    assert len(written_to(both, "queried")) == 1


@pytest.mark.parametrize(
    "name",
    [
        "Sam\r\nBcc: thief@elsewhere.example",
        "Sam\nSubject: Hello",
        "Sam\x00\x0bSenco",
        "Sam\u2028Bcc: thief@elsewhere.example",
        'Sam" <thief@elsewhere.example>, "',
        "Sam, thief@elsewhere.example",
        "=?utf-8?q?Sam=0ABcc:thief@elsewhere.example?=",
    ],
)
def test_a_contacts_name_cannot_start_a_header_or_add_an_address(authority, name):
    authority.school()
    authority.contact(name=name)
    authority.file()
    authority.issue(row_number=2)

    answer_schools(authority.settings, authority.connection, [TERM], ON)

    (path,) = authority.outbox(".eml")
    for policy in (email.policy.default, email.policy.compat32):
        message = email.message_from_bytes(path.read_bytes(), policy=policy)
        assert message["Bcc"] is None
        assert len(message.get_all("Subject")) == 1
    *_, message = opened(path.read_bytes())
    assert [address.addr_spec for address in message["To"].addresses] == ["senco@oakfield.example"]


@pytest.mark.parametrize(
    "address", ["not an address", "a@b", "a@b.example\nBcc: c@d.example", "a,b@c.example", "<a@b.example>", ""]
)
def test_an_address_that_is_none_is_as_good_as_no_contact(authority, address):
    authority.school()
    authority.contact(email=address)
    authority.file()
    authority.issue(row_number=2)

    counts = answer_schools(authority.settings, authority.connection, [TERM], ON)

    assert counts["no_contact"] == 1
    assert authority.letters() == [("accepted_with_errors", "no_contact")]
