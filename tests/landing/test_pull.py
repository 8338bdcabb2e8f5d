import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.landing import LandingZoneError, pull, pulling, read_archived, zone
from pipelines.landing.archive import archived_path
from pipelines.settings import Settings
from pipelines.warehouse import warehouse
from tests.landing.conftest import PULLED_AT, a_return, add_schools, ledger

NAME = "8012001_2025-26_autumn_01.zip"
OPEN = zone.open_entry


def touch_back(path, seconds: float) -> None:
    """As if the file had last changed that long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


# What is received


def test_a_return_is_archived_placed_and_written_down(settled, connection, landing):
    (landing / NAME).write_bytes(a_return(specification="1"))
    summary = pull(settled, connection, PULLED_AT)
    [line] = connection.sql("SELECT * FROM ledger.files").pl().to_dicts()
    assert line["path"] == line["file_name"] == NAME
    assert read_archived(settled, line["sha256"]) == a_return(specification="1")
    assert line["bytes"] == len(a_return(specification="1"))
    assert line["received_at"] == PULLED_AT
    assert (line["format"], line["fault"], line["state"]) == ("csv_zip", None, "received")
    assert (line["urn"], line["laestab"]) == ("100001", "8012001")
    assert (line["term"], line["academic_year"]) == ("2025-26-autumn", "2025-26")
    assert (line["specification"], line["serial"]) == ("1.0", 1)
    assert (line["inside_laestab"], line["inside_urn"]) == ("8012001", "100001")
    assert (line["inside_term"], line["name_laestab"]) == ("2025-26-autumn", "8012001")
    assert (line["name_term"], line["duplicate_of"], line["released_at"]) == ("2025-26-autumn", None, None)
    [received] = connection.sql("SELECT * FROM ledger.returns").pl().to_dicts()
    assert received == {
        "return_id": line["file_id"],
        "file_name": NAME,
        "sha256": line["sha256"],
        "urn": "100001",
        "laestab": "8012001",
        "term": "2025-26-autumn",
        "academic_year": "2025-26",
        "specification": "1.0",
        "serial": 1,
        "received_at": PULLED_AT,
        "state": "received",
    }
    assert (summary.new, summary.placed, summary.terms) == (1, 1, ["2025-26-autumn"])


def test_files_are_found_at_any_depth_and_their_path_is_the_zones_own(settled, connection, landing):
    deep = landing / "from mail" / "2025" / "December"
    deep.mkdir(parents=True)
    (deep / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "path, file_name") == [(f"from mail/2025/December/{NAME}", NAME)]


def test_the_ledger_is_the_same_wherever_the_data_folder_is(settled, connection, landing, tmp_path):
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    elsewhere = settled.model_copy(update={"data_dir": tmp_path / "elsewhere", "landing_url": settled.landing})
    with warehouse(elsewhere) as other:
        add_schools(other, [("100001", "8012001", "801", "1")])
        pull(elsewhere, other, PULLED_AT)
        assert ledger(other, "file_id, path") == ledger(connection, "file_id, path")


def test_a_second_pull_changes_nothing_and_opens_no_file(settled, connection, landing, monkeypatch):
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    before = ledger(connection, "*")
    monkeypatch.setattr(zone, "open_entry", lambda *_: pytest.fail("opened again"))
    summary = pull(settled, connection, datetime(2026, 1, 5))
    assert (summary.new, summary.terms) == (0, [])
    assert ledger(connection, "*") == before


def test_a_file_that_was_only_touched_is_not_new_nor_looked_into_again(settled, connection, landing, monkeypatch):
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    touch_back(landing / NAME, 1000)
    monkeypatch.setattr(pulling, "inspect", lambda *_: pytest.fail("looked into"))
    assert pull(settled, connection, datetime(2026, 1, 5)).new == 0
    assert ledger(connection, "received_at") == [(PULLED_AT,)]


def test_a_file_that_was_overwritten_is_a_new_file_and_the_old_one_stays_known(settled, connection, landing):
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    (landing / NAME).write_bytes(a_return(note=",more"))
    assert pull(settled, connection, datetime(2026, 1, 5)).new == 1
    assert ledger(connection, "state, received_at", "received_at") == [
        ("received", PULLED_AT),
        ("received", datetime(2026, 1, 5)),
    ]


def test_a_file_overwritten_by_one_of_the_same_size_and_time_is_seen(settled, connection, landing):
    (landing / NAME).write_bytes(b"x" * 100)
    touch_back(landing / NAME, 1000)
    pull(settled, connection, PULLED_AT)
    fresh = landing / "fresh.tmp"
    fresh.write_bytes(b"y" * 100)
    os.utime(fresh, ns=((landing / NAME).stat().st_atime_ns, (landing / NAME).stat().st_mtime_ns))
    fresh.replace(landing / NAME)
    assert pull(settled, connection, PULLED_AT).new == 1


def test_two_files_of_one_school_pulled_together_are_both_received_with_their_serials(settled, connection, landing):
    (landing / NAME).write_bytes(a_return())
    (landing / NAME.replace("01.zip", "02.zip")).write_bytes(a_return(note=",second"))
    pull(settled, connection, PULLED_AT)
    returns = connection.sql(
        "SELECT urn, term, serial, received_at, state FROM ledger.returns ORDER BY serial"
    ).fetchall()
    assert returns == [
        ("100001", "2025-26-autumn", 1, PULLED_AT, "received"),
        ("100001", "2025-26-autumn", 2, PULLED_AT, "received"),
    ]


def test_an_empty_landing_zone_is_made_and_gives_nothing(settled, connection):
    assert pull(settled, connection, PULLED_AT).new == 0
    assert Path(settled.landing).is_dir()


def test_a_landing_zone_of_the_las_own_that_is_not_there_is_a_clear_error(settled, connection, tmp_path):
    unmounted = settled.model_copy(update={"landing_url": str(tmp_path / "unmounted")})
    with pytest.raises(LandingZoneError, match="cannot be listed"):
        pull(unmounted, connection, PULLED_AT)


@pytest.mark.parametrize("url", ["nosuch://x", "s3:/"])
def test_a_landing_url_that_means_nothing_is_a_clear_error(settled, connection, url, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(LandingZoneError):
        pull(settled.model_copy(update={"landing_url": url}), connection, PULLED_AT)


@pytest.mark.parametrize(
    "name",
    [
        "~$8012001_2025-26_autumn_01.xlsx",
        ".DS_Store",
        "._8012001_2025-26_autumn_01.xlsx",
        ".~lock.8012001_2025-26_autumn_01.xlsx#",
        "Thumbs.db",
        "desktop.ini",
        "__MACOSX/8012001_2025-26_autumn_01.zip",
        ".snapshot/daily/8012001_2025-26_autumn_01.zip",
        "8012001_2025-26_autumn_01.zip.part",
        "8012001_2025-26_autumn_01.zip.filepart",
        "8012001_2025-26_autumn_01.zip.crdownload",
        "8012001_2025-26_autumn_01.tmp",
    ],
)
def test_what_programs_leave_behind_is_passed_over(settled, connection, landing, name):
    (landing / name).parent.mkdir(parents=True, exist_ok=True)
    (landing / name).write_bytes(a_return())
    assert pull(settled, connection, PULLED_AT).new == 0
    assert ledger(connection, "path") == []


# Placing


def test_a_file_without_school_and_term_is_written_down_and_stops_there(settled, connection, landing):
    (landing / "letter.docx").write_bytes(b"hello")
    summary = pull(settled, connection, PULLED_AT)
    assert ledger(connection, "state, urn, term") == [("unplaced", None, None)]
    assert connection.sql("SELECT * FROM ledger.returns").fetchall() == []
    assert (summary.unplaced, summary.faulty) == (1, 1)


def test_a_file_at_fault_is_placed_by_its_name(settled, connection, landing):
    (landing / NAME).write_bytes(b"%PDF-1.7 something")
    (landing / NAME.replace("8012001", "8012002")).write_bytes(b"")
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "fault, state, urn, inside_urn, name_laestab") == [
        ("pdf", "received", "100001", None, "8012001"),
        ("empty", "received", "100002", None, "8012002"),
    ]


def test_a_name_that_contradicts_the_content_is_kept_beside_it(settled, connection, landing):
    (landing / "8012002_2025-26_spring_01.zip").write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "urn, term, inside_laestab, name_laestab, inside_term, name_term") == [
        ("100001", "2025-26-autumn", "8012001", "8012002", "2025-26-autumn", "2025-26-spring")
    ]


def test_a_school_that_gias_learns_of_later_gets_its_file_then(settled, connection, landing):
    (landing / "8012009_2025-26_autumn_01.zip").write_bytes(a_return("8012009", "150009"))
    assert pull(settled, connection, PULLED_AT).unplaced == 1
    add_schools(connection, [("150009", "8012009", "801", "1")])
    summary = pull(settled, connection, datetime(2026, 1, 5))
    assert (summary.placed_late, summary.terms) == (1, ["2025-26-autumn"])
    assert ledger(connection, "state, urn, term, received_at") == [
        ("received", "150009", "2025-26-autumn", PULLED_AT)  # when it came, not when it could be placed
    ]
    returns = connection.sql("SELECT urn, laestab, serial, received_at FROM ledger.returns").fetchall()
    assert returns == [("150009", "8012009", 1, PULLED_AT)]
    assert pull(settled, connection, datetime(2026, 1, 6)).placed_late == 0


# The same bytes twice


def test_the_same_bytes_twice_are_one_return_and_a_duplicate_that_names_it(settled, connection, landing):
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    (landing / "again").mkdir()
    (landing / "again" / NAME).write_bytes(a_return())
    summary = pull(settled, connection, datetime(2026, 1, 5))
    [first, second] = ledger(connection, "file_id, state, duplicate_of, urn, term", "received_at")
    assert first[1:] == ("received", None, "100001", "2025-26-autumn")
    assert second[1:] == ("duplicate", first[0], "100001", "2025-26-autumn")
    assert (summary.new, summary.duplicates, summary.placed) == (1, 1, 0)
    assert len(connection.sql("SELECT * FROM ledger.returns").fetchall()) == 1


def test_of_the_same_bytes_in_one_pull_the_one_whose_name_is_of_the_pattern_counts(settled, connection, landing):
    for name in (NAME, "a copy.zip", "another.zip"):
        (landing / name).write_bytes(b"not a zip at all")
    pull(settled, connection, PULLED_AT)
    [(first, *placed), *copies] = ledger(connection, "file_id, state, urn, duplicate_of")
    assert placed == ["received", "100001", None]
    assert [copy[1:] for copy in copies] == [("duplicate", None, first)] * 2


def test_the_same_unreadable_bytes_twice_are_a_duplicate_too(settled, connection, landing):
    (landing / "a.zip").write_bytes(b"not a zip")
    (landing / "b.zip").write_bytes(b"not a zip")
    pull(settled, connection, PULLED_AT)
    [(first, state, _), (_, other, duplicate_of)] = ledger(connection, "file_id, state, duplicate_of")
    assert (state, other, duplicate_of) == ("unplaced", "duplicate", first)


def test_bytes_that_could_not_be_placed_do_not_stand_in_the_way_of_a_name_that_can(settled, connection, landing):
    (landing / "return.zip").write_bytes(b"not a zip")
    pull(settled, connection, PULLED_AT)
    (landing / NAME).write_bytes(b"not a zip")
    pull(settled, connection, datetime(2026, 1, 5))
    assert ledger(connection, "state, urn") == [("received", "100001"), ("unplaced", None)]


def test_the_same_bytes_of_two_schools_are_a_file_of_each(settled, connection, landing):
    theirs = NAME.replace("8012001", "8012002")
    for name in (NAME, theirs, NAME.replace("_01.", "_02.")):
        (landing / name).write_bytes(b"")
    pull(settled, connection, PULLED_AT)
    (landing / theirs.replace("_01.", "_02.")).write_bytes(b"")
    pull(settled, connection, datetime(2026, 1, 5))
    found = ledger(connection, "file_name, state, file_id, duplicate_of", "file_name")
    ours, ours_again, their_first, their_second = (row[1:] for row in found)
    assert (ours[0], ours_again[0], ours_again[2]) == ("received", "duplicate", ours[1])
    assert (their_first[0], their_second[0], their_second[2]) == ("received", "duplicate", their_first[1])


def test_a_duplicate_of_a_file_that_is_placed_later_is_given_its_school_too(settled, connection, landing):
    for name in ("a.zip", "b.zip"):
        (landing / name).write_bytes(a_return("8012009", "150009"))
    pull(settled, connection, PULLED_AT)
    add_schools(connection, [("150009", "8012009", "801", "1")])
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "state, urn") == [("received", "150009"), ("duplicate", "150009")]
    assert len(connection.sql("SELECT * FROM ledger.returns").fetchall()) == 1


# Links and files that may not be read


def test_links_are_never_followed_and_each_has_a_line(settled, connection, landing, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / NAME).write_bytes(a_return())
    (landing / NAME).symlink_to(outside / NAME)
    (landing / "folder").symlink_to(outside)
    (landing / "dangling.zip").symlink_to(tmp_path / "nowhere")
    (landing / "inside.zip").write_bytes(a_return("8012002", "100002"))
    (landing / "to inside.zip").symlink_to(landing / "inside.zip")
    (landing / "loop").symlink_to(landing)
    summary = pull(settled, connection, PULLED_AT)
    assert ledger(connection, "path, state, sha256 IS NULL, urn") == [
        (NAME, "link", True, None),
        ("dangling.zip", "link", True, None),
        ("folder", "link", True, None),
        ("inside.zip", "received", False, "100002"),
        ("loop", "link", True, None),
        ("to inside.zip", "link", True, None),
    ]
    assert (summary.links, summary.new) == (5, 1)
    before = ledger(connection, "*")
    assert pull(settled, connection, datetime(2026, 1, 5)).links == 5
    assert ledger(connection, "*") == before


def test_a_link_that_makes_way_for_the_file_is_a_line_no_more(settled, connection, landing, tmp_path):
    (landing / NAME).symlink_to(tmp_path / "elsewhere")
    pull(settled, connection, PULLED_AT)
    (landing / NAME).unlink()
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "state") == [("received",)]


def test_a_file_swapped_for_a_link_after_it_was_listed_is_not_followed(
    settled, connection, landing, tmp_path, monkeypatch
):
    secret = tmp_path / "secret"
    secret.write_bytes(a_return())
    (landing / NAME).write_bytes(a_return(note=",x"))

    def swap_then_open(zone_, entry):
        (landing / NAME).unlink()
        (landing / NAME).symlink_to(secret)
        return OPEN(zone_, entry)

    monkeypatch.setattr(zone, "open_entry", swap_then_open)
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "state, sha256") == [("link", None)]


def test_a_link_that_makes_way_for_a_file_that_may_not_be_read_is_the_one_and_then_the_other(
    settled, connection, landing, tmp_path, monkeypatch
):
    (landing / NAME).symlink_to(tmp_path / "elsewhere")
    pull(settled, connection, PULLED_AT)
    (landing / NAME).unlink()
    (landing / NAME).write_bytes(a_return())
    refuse(monkeypatch, NAME)
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "state") == [("waiting_not_readable",)]
    (landing / NAME).unlink()
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "state") == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_holds_nothing_up(settled, connection, landing):
    os.mkfifo(landing / NAME)
    assert pull(settled, connection, PULLED_AT).new == 0


def refuse(monkeypatch, name: str) -> None:
    """As an ordinary account is refused; root, which tests may run as, is not."""

    def refusing(zone_, entry):
        if entry.name == name:
            raise PermissionError(13, "Permission denied", entry.path)
        return OPEN(zone_, entry)

    monkeypatch.setattr(zone, "open_entry", refusing)


def test_a_file_that_may_not_be_read_is_tried_again_and_stops_no_other(settled, connection, landing, monkeypatch):
    other = "8012002_2025-26_autumn_01.zip"
    (landing / NAME).write_bytes(a_return())
    (landing / other).write_bytes(a_return("8012002", "100002"))
    with monkeypatch.context() as refused:
        refuse(refused, NAME)
        summary = pull(settled, connection, PULLED_AT)
        lines = ledger(connection, "path, state, urn, name_laestab")
        assert lines == [
            (NAME, "waiting_not_readable", None, "8012001"),
            (other, "received", "100002", "8012002"),
        ]
        assert (summary.not_readable, summary.new) == (1, 1)
        assert pull(settled, connection, datetime(2026, 1, 5)).not_readable == 1
        assert ledger(connection, "path, state, urn, name_laestab") == lines
    summary = pull(settled, connection, datetime(2026, 1, 6))
    assert ledger(connection, "path, state, received_at") == [
        (NAME, "received", datetime(2026, 1, 6)),
        (other, "received", PULLED_AT),
    ]
    assert (summary.not_readable, summary.new) == (0, 1)


def test_a_folder_that_cannot_be_listed_stops_no_other(settled, connection, landing, monkeypatch):
    (landing / "closed").mkdir()
    (landing / NAME).write_bytes(a_return())
    list_folder = zone.LocalFileSystem.ls

    def refusing(self, path, **kwargs):
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return list_folder(self, path, **kwargs)

    monkeypatch.setattr(zone.LocalFileSystem, "ls", refusing)
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "path, state") == [(NAME, "received"), ("closed", "waiting_not_readable")]


def test_a_full_disk_is_no_fault_of_the_file_and_stops_the_pull(settled, connection, landing, monkeypatch):
    (landing / NAME).write_bytes(a_return())

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as no_space:
        no_space.setattr(pulling, "archive_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            pull(settled, connection, PULLED_AT)
    assert ledger(connection, "path") == []
    assert pull(settled, connection, PULLED_AT).new == 1


# Files that are still being written


def test_a_file_still_being_written_is_left_until_it_is_whole(settings, connection, landing):
    slow = settings.model_copy(update={"settling_seconds": 60.0})
    (landing / NAME).write_bytes(a_return()[:100])
    summary = pull(slow, connection, PULLED_AT)
    assert (summary.new, summary.waiting) == (0, 1)
    assert ledger(connection, "path") == []
    (landing / NAME).write_bytes(a_return())
    touch_back(landing / NAME, 61)
    summary = pull(slow, connection, PULLED_AT)
    assert (summary.new, summary.waiting) == (1, 0)
    assert ledger(connection, "state, fault") == [("received", None)]


def test_a_file_that_settles_soon_is_waited_for(settings, connection, landing):
    soon = settings.model_copy(update={"settling_seconds": 0.3})
    (landing / NAME).write_bytes(a_return())
    summary = pull(soon, connection, PULLED_AT)
    assert (summary.new, summary.waiting) == (1, 0)


def test_a_file_that_changes_while_it_is_read_is_left_and_not_archived(settled, connection, landing, monkeypatch):
    (landing / NAME).write_bytes(a_return())

    def grow_then_open(zone_, entry):
        file = OPEN(zone_, entry)
        with (landing / NAME).open("ab") as writer:
            writer.write(b"more")
        return file

    with monkeypatch.context() as growing:
        growing.setattr(zone, "open_entry", grow_then_open)
        summary = pull(settled, connection, PULLED_AT)
    assert (summary.new, summary.waiting) == (0, 1)
    assert [path for path in settled.archive_dir.rglob("*") if path.is_file()] == []
    assert pull(settled, connection, PULLED_AT).new == 1


def test_a_file_that_goes_away_before_it_is_read_is_no_file(settled, connection, landing, monkeypatch):
    (landing / NAME).write_bytes(a_return())

    def remove_then_open(zone_, entry):
        (landing / NAME).unlink()
        return OPEN(zone_, entry)

    monkeypatch.setattr(zone, "open_entry", remove_then_open)
    assert pull(settled, connection, PULLED_AT).new == 0
    assert ledger(connection, "path") == []


def test_a_file_dated_in_the_future_by_another_clock_is_not_waited_for_for_ever(settings, connection, landing):
    slow = settings.model_copy(update={"settling_seconds": 60.0})
    (landing / NAME).write_bytes(a_return())
    touch_back(landing / NAME, -3600)
    assert pull(slow, connection, PULLED_AT).new == 1


class Share(zone.LocalFileSystem):
    """A file system over the network, which gives times as SFTP's does."""

    protocol = "share"

    def info(self, path, **kwargs):
        found = super().info(path, **kwargs)
        return found | {"mtime": datetime.fromtimestamp(found["mtime"], tz=UTC)}


def test_a_file_still_being_written_to_a_share_is_left_too(settings, connection, landing, monkeypatch):
    slow = settings.model_copy(update={"settling_seconds": 60.0, "landing_url": str(landing)})
    monkeypatch.setattr(zone, "url_to_fs", lambda url: (Share(), url))
    (landing / NAME).write_bytes(a_return())
    assert pull(slow, connection, PULLED_AT).waiting == 1
    touch_back(landing / NAME, 61)
    assert pull(slow, connection, PULLED_AT).new == 1


# Size, names, faults


def test_a_file_over_the_limit_is_archived_in_pieces_and_placed_by_its_name(settled, connection, landing, monkeypatch):
    small = settled.model_copy(update={"max_file_megabytes": 1})
    monkeypatch.setattr(pulling, "inspect", lambda *_: pytest.fail("looked into"))
    data = os.urandom(2_500_000)
    (landing / NAME).write_bytes(data)
    pull(small, connection, PULLED_AT)
    [(sha256, size, fault, state, urn)] = ledger(connection, "sha256, bytes, fault, state, urn")
    assert (size, fault, state, urn) == (2_500_000, "too_large", "received", "100001")
    assert read_archived(small, sha256) == data


@pytest.mark.skipif(os.name != "posix", reason="names are text there")
def test_a_name_that_is_not_utf_8_and_one_with_a_line_end_are_written_down(settled, connection, landing):
    (landing / os.fsdecode(b"caf\xe9.zip")).write_bytes(b"x")
    (landing / "two\nlines.zip").write_bytes(b"y")
    assert pull(settled, connection, PULLED_AT).new == 2
    assert pull(settled, connection, PULLED_AT).new == 0
    assert ledger(connection, "file_name") == [("caf\\udce9.zip",), ("two\nlines.zip",)]


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: a_return()[:300] + tail))
def test_any_bytes_get_a_line_and_never_stop_the_pull(settled, connection, landing, data):
    (landing / "8012001_2025-26_spring_09.zip").write_bytes(data)
    pull(settled, connection, PULLED_AT)
    assert (
        connection.execute("SELECT count(*) FROM ledger.files WHERE sha256 = sha256(?::BLOB)", [data]).fetchone()[0]
        == 1
    )


def test_with_a_key_nothing_of_a_return_is_in_the_clear(settled, connection, landing, monkeypatch):
    (landing / NAME).write_bytes(a_return())
    pull(settled, connection, PULLED_AT)
    monkeypatch.setenv("SEN_WAREHOUSE_KEY", "k" * 32)
    keyed = Settings(_env_file=None).model_copy(update={"settling_seconds": 0.0})
    (landing / NAME.replace("8012001", "8012002")).write_bytes(a_return("8012002", "100002"))
    pull(keyed, connection, PULLED_AT)  # the warehouse's own encryption is not this test's
    for (sha256,) in ledger(connection, "sha256"):
        assert b"return.csv" not in archived_path(keyed, sha256).read_bytes()
        assert b"return.csv" in read_archived(keyed, sha256)


# A run that is killed


@pytest.mark.parametrize(
    "step", ["archive_bytes", "inspect", "_insert_files", "_insert_returns", "_write_not_followed"]
)
def test_a_pull_that_dies_anywhere_ends_the_second_time_where_an_undisturbed_one_does(
    settled, connection, landing, monkeypatch, step
):
    monkeypatch.setattr(pulling, "BATCH_FILES", 2)
    for number in range(5):
        (landing / f"{number}.zip").write_bytes(a_return(note=f",{number % 4}"))
    (landing / "link").symlink_to(landing)
    calls = []
    real = getattr(pulling, step)

    def dies_late(*arguments):
        calls.append(1)
        if len(calls) > 2 or step == "_write_not_followed":
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as dying:
        dying.setattr(pulling, step, dies_late)
        with pytest.raises(KeyboardInterrupt):
            pull(settled, connection, PULLED_AT)
    pull(settled, connection, PULLED_AT)
    assert ledger(connection, "path, state") == [
        ("0.zip", "received"),
        ("1.zip", "received"),
        ("2.zip", "received"),
        ("3.zip", "received"),
        ("4.zip", "duplicate"),
        ("link", "link"),
    ]
    assert len(connection.sql("SELECT * FROM ledger.returns").fetchall()) == 4
