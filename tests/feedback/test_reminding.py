"""Reminders: to whom, on which days, and once each. Autumn 2025-26: 12 and 17 December, deadline 19 December."""

import email
import email.policy
import shutil
from datetime import date, timedelta

import pytest

from pipelines.feedback import answer_schools, list_missing_schools, remind_schools
from pipelines.settings import SEEDS_DIR
from pipelines.terms import load_calendar
from tests.feedback.conftest import TERM


def december(day):
    return date(2025, 12, day)


@pytest.fixture
def remind(authority):
    authority.school()
    authority.contact()
    return lambda day: remind_schools(authority.settings, authority.connection, december(day))


def test_nothing_before_the_first_reminder_and_nothing_after_the_deadline(authority, remind):
    assert [remind(day)["reminders"] for day in (5, 11, 20, 31)] == [0, 0, 0, 0]
    assert authority.outbox() == []


def test_each_reminder_goes_once_however_often_the_run_is_repeated(authority, remind):
    assert [remind(day)["reminders"] for day in (12, 12, 13, 16, 17, 17, 18, 19)] == [1, 0, 0, 0, 1, 0, 0, 0]
    assert authority.letters() == [("reminder", "filed"), ("second_reminder", "filed")]


def test_where_no_run_was_made_until_the_second_only_the_second_goes(authority, remind):
    assert remind(18)["reminders"] == 1
    assert authority.letters("kind") == [("second_reminder",)]


def test_on_the_day_of_the_deadline_it_says_today(authority, remind):
    remind(19)

    (path,) = authority.outbox(".eml")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    text = " ".join(message.get_body(("plain",)).get_content().split())
    assert message["Subject"].startswith("SEN return: due by 19 December 2025")
    assert "due by 19 December 2025, which is today" in text
    assert "as at 5 December 2025" in text
    assert "8012001_2025-26_autumn_01.xlsx" in text


@pytest.mark.parametrize(
    ("state", "reminded"),
    [("current", 0), ("held", 0), ("received", 0), ("superseded", 0), ("rejected", 1), ("unplaced", 1)],
)
def test_only_a_school_without_a_return_that_stands_is_reminded(authority, remind, state, reminded):
    authority.file(state=state)

    assert remind(12)["reminders"] == reminded


def test_a_return_of_another_term_does_not_stand_for_this_one(authority, remind):
    authority.file(term="2025-26-spring")

    assert remind(12)["reminders"] == 1


def test_a_school_whose_file_was_rejected_is_told_which(authority, remind):
    authority.file(state="rejected", file_name="return.pdf")
    authority.contact(role="HEADTEACHER", email="head@oakfield.example")
    remind(12)

    (path,) = authority.outbox(".eml")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert "return.pdf" in message.get_body(("plain",)).get_content()
    assert [a.addr_spec for a in message["To"].addresses] == ["head@oakfield.example", "senco@oakfield.example"]


@pytest.mark.parametrize(
    ("more", "due"),
    [
        ({"type_group": "Academies"}, True),
        ({"type_group": "Free Schools"}, True),
        ({"type_group": "Special schools"}, True),
        ({"type_group": "Colleges"}, True),
        ({"status": "Open, but proposed to close"}, True),
        ({"status": "Closed"}, False),
        ({"status": "Proposed to open"}, False),
        ({"type_group": "Independent schools"}, False),
        ({"type_group": "Other types"}, False),
        ({"type_group": "Universities"}, False),
        ({"type_group": "Special schools", "type": "Non-maintained special school"}, False),
        ({"open_date": date(2026, 1, 5)}, False),
        ({"la_code": "802"}, False),
    ],
)
def test_reminders_go_to_the_open_state_funded_schools_of_the_authority(authority, more, due):
    authority.school(**more)
    authority.contact()

    counts = remind_schools(authority.settings, authority.connection, december(12))

    assert counts["reminders"] == int(due)


@pytest.mark.parametrize(("valid_to", "due"), [("", 1), ("2025-12-04", 0)])
def test_a_school_that_the_authority_adds_is_reminded_whoever_funds_it(authority, tmp_path, monkeypatch, valid_to, due):
    shutil.copytree(SEEDS_DIR, tmp_path / "seeds")
    (tmp_path / "seeds" / "returns_also_due_from.csv").write_text(
        f"urn,valid_from,valid_to,reason\n100001,2025-09-01,{valid_to},Takes the LA's pupils\n"
    )
    monkeypatch.setattr("pipelines.building.model_sql.SEEDS_DIR", tmp_path / "seeds")
    authority.school(type_group="Independent schools")
    authority.contact()

    assert remind_schools(authority.settings, authority.connection, december(12))["reminders"] == due


def test_a_school_without_a_contact_is_counted(authority):
    authority.school()

    counts = remind_schools(authority.settings, authority.connection, december(12))

    assert (counts["reminders"], counts["no_contact"], counts["filed"]) == (1, 1, 0)


def test_a_reminder_that_has_not_gone_is_dropped_when_the_return_is_in(authority):
    authority.school()
    remind_schools(authority.settings, authority.connection, december(12))
    authority.file()

    counts = remind_schools(authority.settings, authority.connection, december(13))

    assert counts["no_contact"] == 0
    assert authority.letters() == [("reminder", "overtaken")]


def test_answering_leaves_reminders_that_wait_alone(authority):
    authority.school()
    remind_schools(authority.settings, authority.connection, december(12))

    answer_schools(authority.settings, authority.connection, [TERM], december(12))

    assert authority.letters() == [("reminder", "no_contact")]


def test_a_return_after_a_reminder_is_thanked_for(authority, remind):
    remind(12)
    authority.file(day=13)

    answer_schools(authority.settings, authority.connection, [TERM], december(13))

    assert authority.letters("kind") == [("accepted",), ("reminder",)]


def test_a_reminder_dropped_while_a_return_stood_goes_if_the_return_is_gone(authority):
    authority.school()
    remind_schools(authority.settings, authority.connection, december(12))
    authority.file()
    remind_schools(authority.settings, authority.connection, december(13))
    authority.state("aaaaaaaa00000001", "rejected")
    authority.contact()

    counts = remind_schools(authority.settings, authority.connection, december(14))

    assert (counts["reminders"], counts["filed"]) == (1, 1)


def of_the_authority(authority):
    return [path for path in authority.outbox(".eml") if "_authority" in path.parts]


def test_once_the_deadline_has_passed_the_authority_is_told_once_who_is_missing(authority):
    authority.school()
    authority.school(urn="100002", laestab="8012002", name="Riverside School")
    authority.school(urn="100003", laestab="8012003", name="Hillcrest School")
    authority.file(urn="100003")
    authority.file("bbbbbbbb00000001", urn="100002", state="rejected", file_name="return.pdf")
    counts = [remind_schools(authority.settings, authority.connection, december(day)) for day in (19, 20, 20, 28)]

    assert [count["lists_of_missing"] for count in counts] == [0, 1, 0, 0]
    (path,) = of_the_authority(authority)
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    text = " ".join(message.get_body(("plain",)).get_content().split())
    assert message["To"].addresses[0].addr_spec == "sen-returns@westmere.example"
    assert message["Subject"].startswith("SEN returns: 2 schools still missing")
    assert "Oakfield Primary School (URN 100001): nothing received" in text
    assert "Riverside School (URN 100002): the file return.pdf was not accepted" in text
    assert "Hillcrest" not in text
    assert "Questions?" not in text
    assert (None, "schools_missing", "filed") in authority.letters("urn, kind, state")


def test_where_every_return_is_in_the_authority_is_told_nothing(authority):
    authority.school()
    authority.file()

    assert remind_schools(authority.settings, authority.connection, december(20))["lists_of_missing"] == 0


def test_a_term_of_which_nothing_was_ever_received_was_before_schools_sent_anything_here(authority):
    authority.school()

    assert remind_schools(authority.settings, authority.connection, december(20))["lists_of_missing"] == 0


def test_while_what_came_waits_to_be_judged_the_authority_is_told_nothing(authority):
    authority.school()
    authority.school(urn="100002", laestab="8012002", name="Riverside School")
    authority.file(state="received")
    assert remind_schools(authority.settings, authority.connection, december(20))["lists_of_missing"] == 0

    authority.state("aaaaaaaa00000001", "rejected")
    assert list_missing_schools(authority.settings, authority.connection, december(20)) == 1
    assert list_missing_schools(authority.settings, authority.connection, december(20)) == 0


def test_when_the_next_window_is_open_the_authority_is_told_of_the_last_term_no_more(authority):
    authority.school()
    authority.file(state="rejected")
    spring = load_calendar(authority.settings)["2025-26-spring"]

    days = (spring.window_opens_on - timedelta(days=1), spring.window_opens_on)
    counts = [remind_schools(authority.settings, authority.connection, day) for day in reversed(days)]

    assert [count["lists_of_missing"] for count in counts] == [0, 1]


def test_answering_leaves_the_list_for_the_authority_alone(authority, monkeypatch):
    authority.school()
    authority.file(state="rejected")
    monkeypatch.setattr("pipelines.feedback.posting.the_authority", lambda settings: [])
    remind_schools(authority.settings, authority.connection, december(20))
    answer_schools(authority.settings, authority.connection, [TERM], december(20))

    assert ("schools_missing", "no_contact") in authority.letters()


def test_what_a_school_sent_before_it_became_an_academy_is_its_own(authority):
    authority.school(status="Closed", close_date=date(2025, 11, 30))
    authority.school(
        urn="200001", laestab="8014001", name="Oakfield Academy", type_group="Academies", open_date=date(2025, 12, 1)
    )
    authority.insert("reference.school_links", urn="100001", link_urn="200001", link_type="Successor")
    authority.file(urn="100001")

    assert remind_schools(authority.settings, authority.connection, december(12))["schools_missing"] == 0


def test_a_school_that_became_an_academy_and_has_sent_nothing_is_reminded_once_under_its_new_number(authority):
    authority.school(status="Closed", close_date=date(2025, 12, 8))
    # opened after the as-at date of 5 December, but it is the school that was there before
    authority.school(
        urn="200001", laestab="8014001", name="Oakfield Academy", type_group="Academies", open_date=date(2025, 12, 9)
    )
    authority.insert("reference.school_links", urn="100001", link_urn="200001", link_type="Successor")

    assert remind_schools(authority.settings, authority.connection, december(12))["reminders"] == 1
    assert authority.letters("urn") == [("200001",)]
