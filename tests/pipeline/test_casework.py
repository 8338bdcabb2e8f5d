"""What people of the LA write is kept beside the warehouse: decisions and notes of contact."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest
from pydantic import SecretStr

from pipelines.casework import add_note, casework_path, decide, decisions, notes
from pipelines.warehouse import only_writer, warehouse

NOON = datetime(2025, 12, 10, 12, 0)
KEY = SecretStr("the tests' own key of 32 characters")


def test_nothing_written_is_nothing_and_makes_no_file(settings):
    assert decisions(settings).is_empty()
    assert notes(settings).is_empty()
    assert not casework_path(settings).exists()


def test_the_newest_decision_on_an_explanation_counts(settings):
    decide(settings, "aa", "refused", by="Ann", note="Which plan?", at=NOON)
    decide(settings, "bb", "accepted", by="Ann", at=NOON)
    decide(settings, "aa", "accepted", by="Bob", at=NOON)

    assert decisions(settings).rows() == [
        ("aa", "accepted", "Bob", NOON, None),
        ("bb", "accepted", "Ann", NOON, None),
    ]


@pytest.mark.parametrize(("decision", "note"), [("refused", None), ("refused", "  "), ("maybe", "why not")])
def test_a_refusal_says_why_and_there_are_two_decisions(settings, decision, note):
    with pytest.raises(ValueError, match=r"Say why|one of accepted, refused"):
        decide(settings, "aa", decision, by="Ann", note=note)
    assert decisions(settings).is_empty()


def test_notes_are_the_newest_first_and_of_one_school_where_one_is_asked_for(settings):
    add_note(settings, "100001", who="Ann", agreed="Sends it on Friday", on_date=date(2025, 12, 8))
    add_note(settings, "100002", who="Ann", agreed="Nothing", on_date=date(2025, 12, 10), about="the admission")
    add_note(settings, "100001", who="Bob", agreed="Has sent it", on_date=date(2025, 12, 12))

    assert notes(settings)["agreed"].to_list() == ["Has sent it", "Nothing", "Sends it on Friday"]
    assert notes(settings, "100001")["who"].to_list() == ["Bob", "Ann"]
    assert notes(settings, "100003").is_empty()


def test_a_pupil_s_number_in_what_is_typed_is_struck_out(settings):
    add_note(settings, "100001", who="Ann", agreed="A801200125001 comes in March", on_date=date(2025, 12, 8))
    decide(settings, "aa", "refused", by="Ann", note="1000000043 is on no register")

    assert notes(settings)["agreed"].to_list() == ["[…] comes in March"]
    assert decisions(settings)["note"].to_list() == ["[…] is on no register"]


def test_a_note_says_who_and_what(settings):
    with pytest.raises(ValueError, match="says who"):
        add_note(settings, "100001", who=" ", agreed="Something", on_date=date(2025, 12, 8))
    with pytest.raises(ValueError, match="says who"):
        add_note(settings, "100001", who="Ann", agreed="", on_date=date(2025, 12, 8))


def test_it_can_be_written_while_a_run_holds_the_warehouse(settings):
    with only_writer(settings), warehouse(settings):
        decide(settings, "aa", "accepted", by="Ann", at=NOON)
        assert len(decisions(settings)) == 1


def test_two_pages_that_write_at_once_both_write(settings):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: decide(settings, f"{n:02}", "accepted", by="Ann", at=NOON), range(12)))

    assert decisions(settings)["explanation_id"].to_list() == [f"{n:02}" for n in range(12)]


def test_what_was_in_the_clear_is_encrypted_once_there_is_a_key(settings):
    add_note(settings, "100001", who="Ann", agreed="Plainly legible words", on_date=date(2025, 12, 8))
    assert b"Plainly legible words" in casework_path(settings).read_bytes()

    keyed = settings.model_copy(update={"warehouse_key": KEY})
    assert notes(keyed)["agreed"].to_list() == ["Plainly legible words"]
    assert b"Plainly legible words" not in casework_path(settings).read_bytes()
