"""The archive: every byte ever received, under its SHA-256; never rewritten, encrypted where there is a key.

A file is `archive/ab/abcdef...`. With `SEN_WAREHOUSE_KEY` it holds a head (magic, check of the key, salt) and then
chunks of a mebibyte under AES-256-GCM, each with its number and whether it is the last, so that a chunk can be neither
moved nor left out. What was archived before the key was set stays readable; `encrypt_archive` encrypts it.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pipelines.settings import Settings

MAGIC = b"SENARC1\n"
CHECK_BYTES = 8
SALT_BYTES = 16
HEAD_BYTES = len(MAGIC) + CHECK_BYTES + SALT_BYTES
CHUNK_BYTES = 1 << 20
TAG_BYTES = 16


class ArchiveError(Exception):
    """The archive cannot give back what was put in: not there, damaged, or another key."""


def archived_path(settings: Settings, sha256: str) -> Path:
    """Where the bytes with this SHA-256 (64 hex digits) are, or would be."""
    return settings.archive_dir / sha256[:2] / sha256


def archive_bytes(settings: Settings, data: bytes) -> str:
    """Keep the bytes for ever; gives their SHA-256 in hex. What is there already is not written again."""
    sha256 = hashlib.sha256(data).hexdigest()
    if archived_path(settings, sha256).exists():
        return sha256
    with archiving(settings) as incoming:
        incoming.write(data)
        return incoming.keep()


def read_archived(settings: Settings, sha256: str) -> bytes:
    """The bytes with this SHA-256. Raises ArchiveError where they are not there, damaged, or under another key."""
    path = archived_path(settings, sha256)
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        raise ArchiveError(f"{path} is not in the archive") from None
    if hashlib.sha256(kept).hexdigest() == sha256:  # archived before the key was set, or there is none
        return kept
    if not kept.startswith(MAGIC):
        raise ArchiveError(f"{path} is damaged: its bytes are no longer those that were archived")
    data = _decrypt(settings, path, kept)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ArchiveError(f"{path} is damaged: its bytes are no longer those that were archived")
    return data


class Incoming:
    """Bytes on their way into the archive: `write` them, then `keep` them under their SHA-256."""

    def __init__(self, settings: Settings, path: Path):
        self._settings = settings
        self._path = path
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self.size = 0
        self._chunk = bytearray()
        self._chunks = 0
        self._cipher = None
        if master := _master_key(settings):
            salt = os.urandom(SALT_BYTES)
            self._cipher = AESGCM(_file_key(master, salt))
            self._file.write(MAGIC + _key_check(master) + salt)

    def write(self, data: bytes) -> None:
        """Add to the bytes."""
        self._hash.update(data)
        self.size += len(data)
        if self._cipher is None:
            self._file.write(data)
            return
        self._chunk += data
        while len(self._chunk) > CHUNK_BYTES:  # the last chunk is told apart, so one is always held back
            self._encrypt(bytes(self._chunk[:CHUNK_BYTES]), last=False)
            del self._chunk[:CHUNK_BYTES]

    def keep(self, *, instead: bool = False) -> str:
        """Put the bytes in their place, whole or not at all; gives their SHA-256 in hex.

        `instead` is for `encrypt_archive`: the same bytes, encrypted, take the place of those in the clear.
        """
        if self._cipher is not None:
            self._encrypt(bytes(self._chunk), last=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sha256 = self._hash.hexdigest()
        place = archived_path(self._settings, sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        if instead:
            place.chmod(0o600)  # Windows replaces no read-only file
        if instead or not place.exists():
            self._path.chmod(0o400)
            self._path.replace(place)
            _sync_folder(place.parent)
        return sha256

    def close(self) -> None:
        """Leave nothing behind of what was not kept."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _encrypt(self, chunk: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._chunks, last=last), chunk, MAGIC))
        self._chunks += 1


@contextmanager
def archiving(settings: Settings) -> Iterator[Incoming]:
    """Archive bytes that come in pieces; what is not kept at the end is gone."""
    folder = _incoming_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder)
    os.close(descriptor)
    incoming = Incoming(settings, Path(name))
    try:
        yield incoming
    finally:
        incoming.close()


def clear_leftovers(settings: Settings) -> None:
    """Remove what a killed run had begun to archive; only the one writer calls this."""
    folder = _incoming_folder(settings)
    for path in folder.iterdir() if folder.is_dir() else ():
        path.unlink(missing_ok=True)


def encrypt_archive(settings: Settings) -> int:
    """Encrypt what was archived before `SEN_WAREHOUSE_KEY` was set; gives the number of files. No key: nothing."""
    done = settings.archive_dir / "ENCRYPTED"
    if not settings.warehouse_key or done.exists():
        return 0
    encrypted = 0
    for path in sorted(settings.archive_dir.glob("[0-9a-f][0-9a-f]/*")):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() == path.name:
            with archiving(settings) as incoming:
                incoming.write(data)
                incoming.keep(instead=True)
            encrypted += 1
    settings.archive_dir.mkdir(parents=True, exist_ok=True)
    done.touch()  # so that the archive is gone through once
    return encrypted


def _incoming_folder(settings: Settings) -> Path:
    return settings.archive_dir / ".incoming"


def _master_key(settings: Settings) -> bytes | None:
    return _stretched(settings.warehouse_key.get_secret_value()) if settings.warehouse_key else None


@lru_cache(maxsize=2)
def _stretched(secret: str) -> bytes:
    """The setting may be a sentence rather than random digits, hence scrypt; once a process, as it is slow by intent."""
    return Scrypt(salt=b"sen-oversight archive", length=32, n=1 << 15, r=8, p=1).derive(secret.encode())


def _file_key(master: bytes, salt: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"archived file").derive(master)


def _key_check(master: bytes) -> bytes:
    """Tells a wrong key from a damaged file, and nothing about the key."""
    return HKDF(algorithm=SHA256(), length=CHECK_BYTES, salt=None, info=b"key check").derive(master)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _decrypt(settings: Settings, path: Path, kept: bytes) -> bytes:
    master = _master_key(settings)
    if master is None:
        raise ArchiveError(f"{path} is encrypted: set SEN_WAREHOUSE_KEY to the key that it was archived with")
    check, salt = kept[len(MAGIC) : len(MAGIC) + CHECK_BYTES], kept[HEAD_BYTES - SALT_BYTES : HEAD_BYTES]
    if check != _key_check(master):
        raise ArchiveError(f"{path} was archived with another key than SEN_WAREHOUSE_KEY now says")
    cipher = AESGCM(_file_key(master, salt))
    starts = range(HEAD_BYTES, max(len(kept), HEAD_BYTES + 1), CHUNK_BYTES + TAG_BYTES)
    try:
        return b"".join(
            cipher.decrypt(
                _nonce(number, last=start == starts[-1]), kept[start : start + CHUNK_BYTES + TAG_BYTES], MAGIC
            )
            for number, start in enumerate(starts)
        )
    except (InvalidTag, ValueError) as error:
        raise ArchiveError(f"{path} is damaged: its bytes are no longer those that were archived") from error


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
