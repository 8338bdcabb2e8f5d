import os
import time
from dataclasses import replace
from datetime import date, datetime

import pytest

from pipelines.landing import read_archived
from pipelines.reference import NoEstablishments, extracts, pull_reference, pulling, reference_fingerprint, sources
from pipelines.settings import SEEDS_DIR
from tests.reference.conftest import GIAS_ROWS, PULLED_AT, fault_of, gias, rows_of

LATER = datetime(2026, 1, 5)
UPN = "A801200125001"
PLANS = f"upn,urn,named_date\n{UPN},100001,2025-09-02\n"


def states(connection) -> list[tuple]:
    return rows_of(connection, "ledger.reference_files", "path, state", "path, state, received_at")


def test_gias_fills_the_schools_and_has_its_row_in_the_ledger(settled, connection, reference):
    said = pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.schools", "urn, laestab, name, open_date") == [
        ("100001", "8012001", "St Anne's", date(1990, 9, 1)),
        ("100002", "8012002", "Café School", None),
    ]
    [line] = connection.sql("SELECT * FROM ledger.reference_files").pl().to_dicts()
    assert line["path"] == "edubasealldata20251201.csv"
    assert (line["kind"], line["encoding"], line["rows"], line["state"]) == ("gias", "cp1252", 2, "current")
    assert (line["received_at"], line["fault"], line["bytes"]) == (PULLED_AT, None, len(gias()))
    assert read_archived(settled, line["sha256"]) == gias()
    assert said == {"new": 1, "waiting": 0, "loaded": ["gias", "calendar"], "broken": []}


def test_without_gias_the_error_says_what_to_put_where(settled, connection):
    with pytest.raises(NoEstablishments, match=r"edubasealldata\*\.csv.*reference"):
        pull_reference(settled, connection, PULLED_AT)


def test_a_gias_file_that_cannot_be_used_is_named_where_there_is_no_other(settled, connection, reference):
    (reference / "edubasealldata20251201.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(NoEstablishments, match=r"edubasealldata20251201\.csv lacks the columns 'URN'"):
        pull_reference(settled, connection, PULLED_AT)
    assert states(connection) == [("edubasealldata20251201.csv", "broken")]


def test_a_gias_file_without_a_school_of_this_la_is_not_used(settled, connection, reference):
    other = settled.model_copy(update={"la_code": "999"})
    with pytest.raises(NoEstablishments, match="no school of LA 999, which SEN_LA_CODE says is yours"):
        pull_reference(other, connection, PULLED_AT)


def test_every_table_is_filled_from_its_file(settled, connection, reference):
    (reference / "links_edubasealldata20251201.csv").write_bytes(
        b"URN,LinkURN,LinkName,LinkType,LinkEstablishedDate\r\n100002,100009,Caf\xe9,Predecessor,01-09-2019\r\n"
    )
    (reference / "contacts.csv").write_text("urn,name,email,role\n100001,A,senco@school.example,SENCO\n")
    (reference / "ehc_plans.csv").write_text(PLANS)
    (reference / "pupil_context.csv").write_text(f"upn,looked_after,top_up_funding\n{UPN},N,Y\n")
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.school_links") == [("100002", "100009", "Predecessor", date(2019, 9, 1))]
    assert rows_of(connection, "reference.contacts") == [("100001", "A", "senco@school.example", "SENCO")]
    assert rows_of(connection, "reference.ehc_plans") == [(UPN, "100001", date(2025, 9, 2), None, None, None)]
    assert rows_of(connection, "reference.pupil_context") == [(UPN, False, True)]


def test_other_files_of_the_las_are_archived_and_written_down(settled, connection, reference):
    (reference / "sen2" / "2026").mkdir(parents=True)
    (reference / "sen2" / "2026" / "covering_letter.csv").write_text("a,b\n1,2\n")
    (reference / "notes.docx").write_bytes(b"PK\x03\x04")
    pull_reference(settled, connection, PULLED_AT)
    lines = rows_of(connection, "ledger.reference_files", "path, kind, rows, encoding, state", "path")[1:]
    assert lines == [
        ("notes.docx", "other", None, None, "current"),
        ("sen2/2026/covering_letter.csv", "sen2", None, None, "unused"),
    ]
    for (sha256,) in rows_of(connection, "ledger.reference_files", "sha256", "path"):
        assert read_archived(settled, sha256)


def test_a_second_pull_reads_nothing_and_changes_nothing(settled, connection, reference, monkeypatch):
    (reference / "ehc_plans.csv").write_text(PLANS)
    pull_reference(settled, connection, PULLED_AT)
    before = rows_of(connection, "ledger.reference_files"), reference_fingerprint(connection)
    monkeypatch.setattr(pulling, "open_entry", lambda *_: pytest.fail("opened again"))
    monkeypatch.setattr(pulling, "read_extract", lambda *_: pytest.fail("read again"))
    assert pull_reference(settled, connection, LATER) == {"new": 0, "waiting": 0, "loaded": [], "broken": []}
    assert (rows_of(connection, "ledger.reference_files"), reference_fingerprint(connection)) == before


def test_a_file_that_was_only_touched_is_not_loaded_again(settled, connection, reference, monkeypatch):
    pull_reference(settled, connection, PULLED_AT)
    os.utime(reference / "edubasealldata20251201.csv", (time.time() - 999, time.time() - 999))
    monkeypatch.setattr(pulling, "read_extract", lambda *_: pytest.fail("read again"))
    assert pull_reference(settled, connection, LATER)["new"] == 0


def test_the_newest_gias_file_by_name_counts_and_older_ones_are_kept(settled, connection, reference):
    (reference / "edubasealldata20240901.csv").write_bytes(gias(GIAS_ROWS[0].replace("St Anne's", "Old name")))
    pull_reference(settled, connection, PULLED_AT)
    assert ("100001", "St Anne's") in rows_of(connection, "reference.schools", "urn, name")
    (reference / "edubasealldata20260101.csv").write_bytes(gias(GIAS_ROWS[0].replace("St Anne's", "New name")))
    pull_reference(settled, connection, LATER)
    assert rows_of(connection, "reference.schools", "urn, name") == [("100001", "New name")]
    assert rows_of(connection, "ledger.reference_files", "path, state, rows", "path") == [
        ("edubasealldata20240901.csv", "older", 1),
        ("edubasealldata20251201.csv", "older", 2),
        ("edubasealldata20260101.csv", "current", 1),
    ]


def test_a_newest_gias_file_that_is_taken_away_makes_way_for_the_one_before(settled, connection, reference):
    newest = reference / "edubasealldata20260101.csv"
    newest.write_bytes(gias(GIAS_ROWS[0].replace("St Anne's", "Wrong name")))
    pull_reference(settled, connection, PULLED_AT)
    newest.unlink()
    pull_reference(settled, connection, LATER)
    assert ("100001", "St Anne's") in rows_of(connection, "reference.schools", "urn, name")
    assert states(connection) == [("edubasealldata20251201.csv", "current"), ("edubasealldata20260101.csv", "older")]


def test_files_that_are_all_taken_away_leave_their_rows_in_use(settled, connection, reference):
    (reference / "edubasealldata20260101.csv").write_bytes(gias(GIAS_ROWS[0]))
    (reference / "ehc_plans.csv").write_text(PLANS)
    pull_reference(settled, connection, PULLED_AT)
    (reference / "edubasealldata20260101.csv").unlink()
    pull_reference(settled, connection, PULLED_AT)
    before = reference_fingerprint(connection)
    for path in reference.iterdir():
        path.unlink()
    assert pull_reference(settled, connection, LATER)["loaded"] == []
    assert reference_fingerprint(connection) == before
    assert len(rows_of(connection, "reference.schools")) == 2
    assert len(rows_of(connection, "reference.ehc_plans")) == 1


def test_a_header_alone_empties_a_table(settled, connection, reference):
    (reference / "ehc_plans.csv").write_text(PLANS)
    pull_reference(settled, connection, PULLED_AT)
    (reference / "ehc_plans.csv").write_text("upn,urn,named_date\n")
    pull_reference(settled, connection, LATER)
    assert rows_of(connection, "reference.ehc_plans") == []


def test_a_broken_file_keeps_the_rows_before_it_and_says_why(settled, connection, reference):
    (reference / "ehc_plans.csv").write_text(PLANS)
    pull_reference(settled, connection, PULLED_AT)
    before = reference_fingerprint(connection)
    (reference / "ehc_plans.csv").write_text("upn,urn\n")
    said = pull_reference(settled, connection, LATER)
    assert (said["loaded"], said["broken"]) == ([], ["ehc_plans.csv"])
    assert len(rows_of(connection, "reference.ehc_plans")) == 1
    assert states(connection)[-2:] == [("ehc_plans.csv", "broken"), ("ehc_plans.csv", "current")]
    assert rows_of(connection, "ledger.reference_files", "fault", "received_at DESC, path")[0] == (
        "lacks the column 'named_date'",
    )
    assert reference_fingerprint(connection) == before


def test_after_a_broken_version_the_old_bytes_are_current_and_no_fault_is_left(settled, connection, reference):
    for content in (PLANS, "upn,urn\n", PLANS):
        (reference / "ehc_plans.csv").write_text(content)
        said = pull_reference(settled, connection, PULLED_AT)
    assert said["broken"] == []
    assert states(connection)[-2:] == [("ehc_plans.csv", "current"), ("ehc_plans.csv", "superseded")]


def test_going_back_to_an_earlier_version_loads_it_again(settled, connection, reference):
    other = PLANS.replace("2025-09-02", "2025-10-01")
    for content in (PLANS, other, PLANS):
        (reference / "ehc_plans.csv").write_text(content)
        pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.ehc_plans", "named_date") == [(date(2025, 9, 2),)]
    assert [state for path, state in states(connection) if path == "ehc_plans.csv"] == [
        "current",
        "superseded",
        "superseded",
    ]


def test_a_newest_gias_file_that_is_broken_leaves_the_one_before_in_use(settled, connection, reference):
    (reference / "edubasealldata20260101.csv").write_bytes(gias()[:-20])
    said = pull_reference(settled, connection, PULLED_AT)
    assert said["broken"] == ["edubasealldata20260101.csv"]
    assert len(rows_of(connection, "reference.schools")) == 2
    assert fault_of(connection, "edubasealldata20260101.csv") == "breaks off in row 3: put the whole file here"


def test_rows_left_out_are_in_the_fault_of_the_file_in_use(settled, connection, reference):
    (reference / "ehc_plans.csv").write_text(PLANS + f"{UPN},100002,soon\n")
    said = pull_reference(settled, connection, PULLED_AT)
    assert said["broken"] == []
    assert fault_of(connection, "ehc_plans.csv") == "1 row could not be read as a whole: row 3 (named_date)"
    assert len(rows_of(connection, "reference.ehc_plans")) == 1


def test_a_plan_of_a_school_that_gias_learns_of_later_is_loaded_then(settled, connection, reference):
    (reference / "ehc_plans.csv").write_text(PLANS.replace("100001", "100003"))
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.ehc_plans") == []
    (reference / "edubasealldata20260101.csv").write_bytes(
        gias(*GIAS_ROWS, "100003,801,Northford,2003,New,1,Open" + "," * 7)
    )
    pull_reference(settled, connection, LATER)
    assert rows_of(connection, "reference.ehc_plans", "urn") == [("100003",)]
    assert fault_of(connection, "ehc_plans.csv") is None


def test_the_same_bytes_are_read_again_when_the_reader_is_another(settled, connection, reference, monkeypatch):
    pull_reference(settled, connection, PULLED_AT)
    before = reference_fingerprint(connection)
    monkeypatch.setattr(pulling, "READER", extracts.READER + 1)
    assert pull_reference(settled, connection, LATER)["loaded"] == ["gias"]
    assert reference_fingerprint(connection) != before


def test_a_row_with_a_code_of_its_own_is_read_again_when_the_seed_of_the_codes_is_another(
    settled, connection, reference, monkeypatch
):
    (reference / "targets.csv").write_text(
        "indicator_id,target,valid_from\nREV01,0.8,2025-09-01\nNEW01,0.7,2025-09-01\n"
    )
    assert "targets" in pull_reference(settled, connection, PULLED_AT)["loaded"]
    assert rows_of(connection, "reference.la_targets", "indicator_id") == [("REV01",)]
    assert pull_reference(settled, connection, LATER)["loaded"] == []
    [targets] = [source for source in sources.SOURCES if source.kind == "targets"]
    known, *rest = targets.columns
    renewed = replace(targets, columns=(replace(known, codes=("REV01", "NEW01")), *rest))
    monkeypatch.setattr(pulling, "SOURCES", [renewed if each is targets else each for each in sources.SOURCES])
    monkeypatch.setattr(pulling, "files_fingerprint", lambda _paths: "another")
    assert pull_reference(settled, connection, LATER)["loaded"] == ["targets"]
    assert rows_of(connection, "reference.la_targets", "indicator_id") == [("NEW01",), ("REV01",)]
    assert fault_of(connection, "targets.csv") is None


def test_links_are_not_followed_and_the_la_is_told(settled, connection, reference, tmp_path):
    (tmp_path / "ehc_plans.csv").write_text(PLANS)
    (reference / "ehc_plans.csv").symlink_to(tmp_path / "ehc_plans.csv")
    said = pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.ehc_plans") == []
    assert said["broken"] == ["ehc_plans.csv"]
    assert ("ehc_plans.csv", "link") in states(connection)
    (reference / "ehc_plans.csv").unlink()
    (reference / "ehc_plans.csv").write_text(PLANS)
    assert pull_reference(settled, connection, LATER)["broken"] == []
    assert ("ehc_plans.csv", "current") in states(connection)


def test_a_file_that_may_not_be_read_is_tried_again(settled, connection, reference, monkeypatch):
    (reference / "ehc_plans.csv").write_text(PLANS)
    real = pulling.open_entry

    def refusing(zone, entry):
        if entry.name == "ehc_plans.csv":
            raise PermissionError(13, "Permission denied")
        return real(zone, entry)

    with monkeypatch.context() as refused:
        refused.setattr(pulling, "open_entry", refusing)
        assert pull_reference(settled, connection, PULLED_AT)["broken"] == ["ehc_plans.csv"]
    assert pull_reference(settled, connection, LATER)["broken"] == []
    assert len(rows_of(connection, "reference.ehc_plans")) == 1


def test_a_file_still_being_written_is_left(settings, connection, reference):
    slow = settings.model_copy(update={"settling_seconds": 60.0})
    os.utime(reference / "edubasealldata20251201.csv", (time.time() - 61, time.time() - 61))
    (reference / "ehc_plans.csv").write_text(PLANS)
    said = pull_reference(slow, connection, PULLED_AT)
    assert (said["new"], said["waiting"]) == (1, 1)
    assert rows_of(connection, "reference.ehc_plans") == []


# The calendar


def test_the_calendar_in_force_is_the_seeds_unless_the_la_has_its_own(settled, connection, reference):
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.calendar", "starts_on, closed_days", "starts_on")[0] == (
        date(2022, 9, 1),
        "2022-09-19",
    )
    before = reference_fingerprint(connection)
    seed = (SEEDS_DIR / "calendar.csv").read_text()
    (reference / "calendar.csv").write_text(seed.replace("2022-09-01", "2022-09-02"))
    assert pull_reference(settled, connection, LATER)["loaded"] == ["calendar"]
    assert rows_of(connection, "reference.calendar", "starts_on", "starts_on")[0] == (date(2022, 9, 2),)
    assert reference_fingerprint(connection) != before
    assert ("calendar.csv", "current") in states(connection)


def test_a_calendar_that_cannot_be_read_says_where_and_the_rest_is_loaded(settled, connection, reference):
    (reference / "calendar.csv").write_text("term,starts_on\n2025-26-autumn,soon\n")
    with pytest.raises(ValueError, match=r"calendar\.csv, line 2"):
        pull_reference(settled, connection, PULLED_AT)
    assert len(rows_of(connection, "reference.schools")) == 2
    assert fault_of(connection, "calendar.csv").startswith("calendar.csv, line 2")


# The fingerprint, and a run that is killed


def test_the_fingerprint_changes_with_the_files_in_use_and_can_be_of_some_kinds(settled, connection, reference):
    pull_reference(settled, connection, PULLED_AT)
    everything, plans = reference_fingerprint(connection), reference_fingerprint(connection, ["ehc_plans"])
    (reference / "contacts.csv").write_text("urn,name,email,role\n100001,A,senco@school.example,SENCO\n")
    pull_reference(settled, connection, LATER)
    assert reference_fingerprint(connection) != everything
    assert reference_fingerprint(connection, ["ehc_plans"]) == plans


def test_plans_never_stay_behind_the_schools_they_are_held_against(settled, connection, reference, monkeypatch):
    (reference / "ehc_plans.csv").write_text(PLANS.replace("100001", "100003"))
    pull_reference(settled, connection, PULLED_AT)
    (reference / "edubasealldata20260101.csv").write_bytes(
        gias(*GIAS_ROWS, "100003,801,Northford,2003,New,1,Open" + "," * 7)
    )
    real = pulling.read_extract

    def dies_after_gias(source, *arguments):
        if source.kind != "gias":
            raise KeyboardInterrupt
        return real(source, *arguments)

    with monkeypatch.context() as dying:
        dying.setattr(pulling, "read_extract", dies_after_gias)
        with pytest.raises(KeyboardInterrupt):
            pull_reference(settled, connection, LATER)
    pull_reference(settled, connection, LATER)
    assert rows_of(connection, "reference.ehc_plans", "urn") == [("100003",)]


@pytest.mark.parametrize("step", ["archive_bytes", "_write_version", "read_extract", "_mark", "_load_calendar"])
@pytest.mark.parametrize("call", [1, 2])
def test_a_pull_that_dies_anywhere_ends_the_second_time_where_an_undisturbed_one_does(
    settled, connection, reference, monkeypatch, step, call
):
    (reference / "ehc_plans.csv").write_text(PLANS)
    (reference / "notes.txt").write_text("x")
    real, calls = getattr(pulling, step), []

    def dies(*arguments, **named):
        calls.append(1)
        if len(calls) == call or step == "_load_calendar":
            raise KeyboardInterrupt
        return real(*arguments, **named)

    with monkeypatch.context() as dying:
        dying.setattr(pulling, step, dies)
        with pytest.raises(KeyboardInterrupt):
            pull_reference(settled, connection, PULLED_AT)
    pull_reference(settled, connection, PULLED_AT)
    assert states(connection) == [
        ("edubasealldata20251201.csv", "current"),
        ("ehc_plans.csv", "current"),
        ("notes.txt", "current"),
    ]
    assert len(rows_of(connection, "reference.schools")) == 2
    assert len(rows_of(connection, "reference.ehc_plans")) == 1
    assert len(rows_of(connection, "reference.calendar")) > 9
