"""What becomes of a school's files, by when they came, what is wrong with them and what they would supersede."""

from datetime import datetime

from pipelines.checking.states import Judgement, ReceivedFile, judge_files

MONDAY, TUESDAY, FRIDAY = datetime(2025, 12, 8), datetime(2025, 12, 9), datetime(2025, 12, 12)


def file(
    file_id: str,
    received_at: datetime = MONDAY,
    serial: int | None = 1,
    *,
    term: str = "2025-26-autumn",
    urn: str = "1",
    released: bool = False,
    **rows: int,
):
    return ReceivedFile(file_id, term, urn, f"{file_id}.xlsx", received_at, serial, released, rows)


def judged(*files: ReceivedFile, rejected: tuple[str, ...] = ()) -> dict[str, str]:
    return {file_id: judgement.state for file_id, judgement in judge_files(files, rejected).items()}


def test_the_newest_counts_whatever_its_serial():
    assert judged(file("b", TUESDAY, 1), file("a", MONDAY, 9)) == {"a": "superseded", "b": "current"}


def test_of_two_received_together_the_higher_serial_counts_and_one_without_serial_is_the_older():
    assert judged(file("c", serial=None), file("b", serial=2), file("a", serial=10)) == {
        "c": "superseded", "b": "superseded", "a": "current",
    }  # fmt: skip


def test_a_rejected_file_supersedes_nothing():
    assert judged(file("a"), file("b", TUESDAY), rejected=("b",)) == {"a": "current", "b": "rejected"}


def test_a_rejected_file_stays_rejected_when_a_good_one_follows():
    assert judged(file("a"), file("b", TUESDAY), rejected=("a",)) == {"a": "rejected", "b": "current"}


def test_fewer_than_half_the_rows_of_any_one_table_hold_a_file_and_half_do_not():
    before = file("a", pupils=10, plans=9, reviews=0)
    assert judge_files([before, file("b", TUESDAY, pupils=5, plans=5)], ())["b"] == Judgement("current")
    assert judge_files([before, file("b", TUESDAY, pupils=10, plans=4)], ())["b"] == Judgement(
        "held", rows_lost="plans"
    )


def test_a_first_return_is_never_held():
    assert judged(file("a", pupils=0)) == {"a": "current"}


def test_a_file_is_compared_with_the_one_that_counts_and_not_with_a_held_one():
    files = [file("a", MONDAY, pupils=10), file("b", TUESDAY, pupils=2), file("c", FRIDAY, pupils=4)]
    assert judged(*files) == {"a": "current", "b": "held", "c": "held"}


def test_a_released_file_supersedes():
    files = [file("a", MONDAY, pupils=10), file("b", TUESDAY, pupils=2, released=True), file("c", FRIDAY, pupils=4)]
    assert judged(*files) == {"a": "superseded", "b": "superseded", "c": "current"}


def test_a_held_file_is_past_when_a_whole_one_follows():
    files = [file("a", MONDAY, pupils=10), file("b", TUESDAY, pupils=2), file("c", FRIDAY, pupils=10)]
    assert judged(*files) == {"a": "superseded", "b": "superseded", "c": "current"}


def test_one_school_s_file_does_not_touch_another_s():
    assert judged(file("a", urn="1", pupils=10), file("b", TUESDAY, urn="2", pupils=1)) == {
        "a": "current",
        "b": "current",
    }


def test_one_term_s_file_does_not_touch_another_s():
    files = [file("a", pupils=10), file("b", TUESDAY, term="2025-26-spring", pupils=1)]
    assert judged(*files) == {"a": "current", "b": "current"}
