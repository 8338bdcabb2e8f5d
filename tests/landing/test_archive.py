import hashlib
import os
import stat

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.landing import archive
from pipelines.landing.archive import (
    ArchiveError,
    archive_bytes,
    archived_path,
    archiving,
    clear_leftovers,
    encrypt_archive,
    read_archived,
)
from pipelines.settings import Settings

KEY = "a sentence that nobody would guess, 2025"
UPN = b"A801200125001"


@pytest.fixture
def keyed(settings, monkeypatch) -> Settings:
    monkeypatch.setenv("SEN_WAREHOUSE_KEY", KEY)
    return Settings(_env_file=None)


def with_key(settings: Settings, monkeypatch, key: str) -> Settings:
    monkeypatch.setenv("SEN_WAREHOUSE_KEY", key)
    return Settings(_env_file=None)


def test_bytes_are_kept_under_their_own_hash_and_come_back(settings):
    data = b"PK\x03\x04 a return"
    sha256 = archive_bytes(settings, data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert archived_path(settings, sha256) == settings.archive_dir / sha256[:2] / sha256
    assert archived_path(settings, sha256).read_bytes() == data
    assert read_archived(settings, sha256) == data


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_an_archived_file_is_read_only(settings):
    path = archived_path(settings, archive_bytes(settings, b"x"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_bytes_that_are_there_are_not_written_again(settings):
    path = archived_path(settings, archive_bytes(settings, b"x"))
    before = path.stat()
    archive_bytes(settings, b"x")
    with archiving(settings) as incoming:
        incoming.write(b"x")
        incoming.keep()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_is_not_kept_leaves_nothing_behind(settings):
    with archiving(settings) as incoming:
        incoming.write(UPN)
    assert [path for path in settings.archive_dir.rglob("*") if path.is_file()] == []


def test_what_a_killed_run_left_is_cleared_away_and_the_archive_stays(settings):
    kept = archived_path(settings, archive_bytes(settings, b"x"))
    left = settings.archive_dir / ".incoming" / "half"
    left.write_bytes(UPN)
    clear_leftovers(settings)
    assert kept.exists()
    assert not left.exists()


def test_a_file_that_is_not_there_is_a_clear_error(settings):
    with pytest.raises(ArchiveError, match="not in the archive"):
        read_archived(settings, "0" * 64)


def test_with_a_key_no_byte_of_the_content_is_on_disk(keyed):
    sha256 = archive_bytes(keyed, UPN * 1000)
    on_disk = archived_path(keyed, sha256).read_bytes()
    assert UPN not in on_disk
    assert read_archived(keyed, sha256) == UPN * 1000


def test_the_same_content_is_never_encrypted_alike_twice(keyed):
    path = archived_path(keyed, archive_bytes(keyed, UPN))
    first = path.read_bytes()
    path.unlink()
    archive_bytes(keyed, UPN)
    assert path.read_bytes()[archive.HEAD_BYTES :] != first[archive.HEAD_BYTES :]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 33, 47, 48, 49])
def test_sizes_around_the_chunks_bounds_come_back(keyed, monkeypatch, size):
    monkeypatch.setattr(archive, "CHUNK_BYTES", 16)
    data = bytes(range(size))
    assert read_archived(keyed, archive_bytes(keyed, data)) == data


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_in_any_pieces_come_back(keyed, pieces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "CHUNK_BYTES", 16)
        with archiving(keyed) as incoming:
            for piece in pieces:
                incoming.write(piece)
            sha256 = incoming.keep()
        assert read_archived(keyed, sha256) == b"".join(pieces)
        assert incoming.size == len(b"".join(pieces))


def test_content_that_looks_like_an_encrypted_file_comes_back(settings, monkeypatch):
    data = archive.MAGIC + b"not encrypted at all"
    sha256 = archive_bytes(settings, data)
    assert read_archived(settings, sha256) == data
    assert read_archived(with_key(settings, monkeypatch, KEY), sha256) == data


def test_a_wrong_key_and_a_missing_key_are_told_apart_from_damage(settings, keyed, monkeypatch):
    sha256 = archive_bytes(keyed, UPN)
    with pytest.raises(ArchiveError, match="another key"):
        read_archived(with_key(settings, monkeypatch, KEY + "!"), sha256)
    with pytest.raises(ArchiveError, match="set SEN_WAREHOUSE_KEY"):
        read_archived(settings, sha256)


def test_damage_is_a_clear_error_without_a_key(settings):
    path = archived_path(settings, archive_bytes(settings, UPN))
    path.chmod(0o640)
    path.write_bytes(UPN[:-1])
    with pytest.raises(ArchiveError, match="damaged"):
        read_archived(settings, path.name)


def swap_first_chunks(kept: bytes) -> bytes:
    head, size = archive.HEAD_BYTES, 16 + archive.TAG_BYTES
    return kept[:head] + kept[head + size : head + 2 * size] + kept[head : head + size] + kept[head + 2 * size :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept[:-1] + bytes([kept[-1] ^ 1]),
        lambda kept: kept[: archive.HEAD_BYTES],
        lambda kept: kept[: archive.HEAD_BYTES - 3],
        lambda kept: kept[: archive.HEAD_BYTES + 32],  # the first chunk alone, whole
        lambda kept: kept + b"more",
        swap_first_chunks,
        lambda kept: b"",
    ],
    ids=["a bit", "head alone", "half a head", "later chunks gone", "something behind", "chunks swapped", "empty"],
)
def test_damage_is_a_clear_error_under_a_key(keyed, monkeypatch, spoil):
    monkeypatch.setattr(archive, "CHUNK_BYTES", 16)
    path = archived_path(keyed, archive_bytes(keyed, bytes(range(64))))
    path.chmod(0o640)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ArchiveError, match=r"damaged|another key"):
        read_archived(keyed, path.name)


def test_what_was_archived_before_the_key_stays_readable_and_is_then_encrypted(settings, monkeypatch):
    sha256 = archive_bytes(settings, UPN)
    keyed = with_key(settings, monkeypatch, KEY)
    assert read_archived(keyed, sha256) == UPN
    assert encrypt_archive(keyed) == 1
    assert UPN not in archived_path(keyed, sha256).read_bytes()
    assert read_archived(keyed, sha256) == UPN
    assert encrypt_archive(keyed) == 0


def test_without_a_key_nothing_is_encrypted(settings):
    path = archived_path(settings, archive_bytes(settings, UPN))
    assert encrypt_archive(settings) == 0
    assert path.read_bytes() == UPN
