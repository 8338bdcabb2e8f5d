"""What people write on the pages: decisions on explanations, and notes of contact; both are there at once."""

import shutil

import pytest

from pipelines.casework import add_note, decide, decisions, notes
from pipelines.settings import Settings
from tests.dashboards.synthetic import PUBLISHED_AT, SCHOOLS
from tests.dashboards.test_pages import on_loopback, open_page, text_of  # noqa: F401 - a fixture of every page's

WAITING = f"{0:016x}"
SCHOOL = "100001"


@pytest.fixture
def own(data_folder, tmp_path, monkeypatch):
    """The settings of a copy of the published folder, which may be written."""
    folder = tmp_path / "data"
    shutil.copytree(data_folder, folder)
    monkeypatch.setenv("SEN_DATA_DIR", str(folder))
    return Settings(_env_file=None, data_dir=folder)


def test_what_waits_is_shown_with_its_query_and_what_was_decided_below(own):
    said = text_of(open_page("explanations"))
    assert "1 explanation waiting, 1 decided" in said
    waiting, decided = said.split("Waiting for you")[0] + said, said
    assert "A pupil on the register has no SEN support plan." in waiting
    assert "Explanation 0: &lt;new&gt; this week." in decided  # safe in markup


def test_accepting_keeps_who_and_note_and_shows_it_at_once(own):
    app = open_page("explanations")
    app.text_input(key="decided_by").set_value("Ann Analyst")
    app.text_input(key=f"note_{WAITING}").set_value("Seen the plan")
    app.button(key=f"accept_{WAITING}").click().run()

    assert not app.exception
    assert decisions(own).select("explanation_id", "decision", "by", "note").rows() == [
        (WAITING, "accepted", "Ann Analyst", "Seen the plan")
    ]
    assert "0 explanations waiting, 2 decided" in text_of(app)


def test_refusing_needs_a_reason(own):
    app = open_page("explanations")
    app.button(key=f"refuse_{WAITING}").click().run()
    assert "Say why it is refused" in app.error[0].value
    assert decisions(own).is_empty()

    app.text_input(key=f"note_{WAITING}").set_value("Which plan?")
    app.button(key=f"refuse_{WAITING}").click().run()
    assert decisions(own)["decision"].to_list() == ["refused"]


def test_a_decision_from_the_command_line_is_on_the_page_before_the_next_run(own):
    decide(own, WAITING, "accepted", by="Ann")
    assert "0 explanations waiting, 2 decided" in text_of(open_page("explanations"))


def test_a_note_of_contact_is_kept_and_stands_beside_the_schools_figures_and_on_the_call_list(own):
    app = open_page(school=SCHOOL)
    assert "No contact has been noted." in " ".join(element.value for element in app.markdown)
    app.text_input(key="note_who").set_value("Ann")
    app.text_input(key="note_about").set_value("The return")
    app.text_area(key="note_agreed").set_value("Comes on Friday")
    next(button for button in app.button if button.label == "Keep the note").click().run()

    assert not app.exception
    assert notes(own, SCHOOL).select("who", "about", "agreed").rows() == [("Ann", "The return", "Comes on Friday")]
    assert "Ann: The return: Comes on Friday" in text_of(app)


def test_the_call_list_says_when_a_school_was_last_spoken_to(own):
    cards = [e.proto.body for e in open_page().get("html") if 'class="card"' in e.proto.body]
    assert not any("Last contact" in card for card in cards)
    for n, school in enumerate(SCHOOLS):
        add_note(own, school["urn"], who="Bob", agreed=f"Agreed {n}", on_date=PUBLISHED_AT.date())

    cards = [e.proto.body for e in open_page().get("html") if 'class="card"' in e.proto.body]
    listed = [card for card in cards if 'class="rank"' in card]
    assert listed
    assert all("Last contact" in card and "Bob: Agreed" in card for card in listed)


def test_once_the_deadline_has_passed_the_returns_page_says_whom_to_ring_and_what_was_agreed_last(own):
    # the synthetic LA: in the first term school 9 alone sent nothing
    add_note(own, "100009", who="Bob", about="The return", agreed="Rings <back>", on_date=PUBLISHED_AT.date())

    said = text_of(open_page("returns", term="2023-24-autumn"))

    assert "Still missing after the deadline" in said
    assert "**1 school**, " in said
    ring = said.split("Whom to ask for")[1].split("Choose a school")[0]
    assert "Juniper School 100009 ■ Missing" in ring
    # the SENCO before the office, whatever the names
    assert "Sam &lt;Senco&gt;, senco, senco@juniper.example Olive Office, office, office@juniper.example" in ring
    assert "22 Jul 2026, Bob: The return: Rings &lt;back&gt;" in ring


def test_where_every_return_is_in_there_is_nobody_to_ring(own):
    assert "Still missing after the deadline" not in text_of(open_page("returns", term="2024-25-autumn"))
