"""What lies in a landing zone: a folder or any fsspec URL, at any depth; links are seen and never followed."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from pipelines.settings import Settings

# An object is there when it is whole; elsewhere a file can be seen while it is being written.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "r2", "tos", "memory"}

# Left by people's programs and machines, never sent by a school: Office's and LibreOffice's locks and every dot file
# begin with one of PASSED_OVER_STARTS; a transfer that is under way ends with one of PASSED_OVER_ENDS.
PASSED_OVER_STARTS = ("~$", ".")
PASSED_OVER_ENDS = (".part", ".partial", ".filepart", ".tmp", ".crdownload", ".download", ".opdownload")
PASSED_OVER_NAMES = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information"}

# What tells one state of a file from another, by whatever name a file system has for it.
STATE_KEYS = ("size", "mtime", "ino", "created", "islink", "ETag", "etag", "LastModified", "last_modified", "updated")

# A file that settles within this many seconds is waited for, so that "copy it, then run" takes it.
PATIENCE_SECONDS = 3.0


class LandingZoneError(Exception):
    """The landing zone cannot be reached or listed."""


class NotReadableError(Exception):
    """A file may not be read, or not now."""


class BecameLinkError(OSError):
    """What was listed as a file is a link by now."""


@dataclass(frozen=True)
class Entry:
    """One thing in the zone, as listed.

    path: below the zone, with `/`, fit to be stored; location: what the file system calls it; fingerprint: changes when
    the bytes do; modified: seconds since 1970, None where a file that is there is whole.
    """

    path: str
    location: str
    kind: Literal["file", "link", "unreadable_folder"]
    size: int
    fingerprint: str
    modified: float | None

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rsplit("/", 1)[-1]

    def settles_in(self, seconds: float, now: float) -> float:
        """Seconds until it has not changed for `seconds`; 0 or less: it is whole.

        A time that is further ahead than that is another machine's clock, and says nothing.
        """
        if self.modified is None or self.modified - now > seconds:
            return 0.0
        return self.modified + seconds - now


@dataclass(frozen=True)
class Zone:
    """A folder of a file system."""

    fs: AbstractFileSystem
    root: str

    @property
    def is_object_store(self) -> bool:
        """Whether whatever can be seen is whole."""
        protocols = self.fs.protocol if isinstance(self.fs.protocol, tuple | list) else (self.fs.protocol,)
        return not OBJECT_STORES.isdisjoint(protocols)


def landing_zone(settings: Settings) -> Zone:
    """Where returns arrive; the default folder is made where it is not there. Raises LandingZoneError."""
    if settings.landing_url is None:
        Path(settings.landing).mkdir(parents=True, exist_ok=True)
    try:
        fs, root = url_to_fs(settings.landing)
    except (ImportError, ValueError) as error:
        raise LandingZoneError(f"SEN_LANDING_URL cannot be used: {error}") from error
    return Zone(fs, root)


def list_entries(zone: Zone) -> list[Entry]:
    """Every file and link below the zone's root, in order of path. Raises LandingZoneError where it can't be listed."""
    zone.fs.invalidate_cache()  # object stores remember their listings
    try:
        if zone.is_object_store:
            listed = zone.fs.find(zone.root, detail=True).values()
            # consoles make an empty object for a folder, whose key ends with a slash
            found = [info for info in listed if not str(info.get("Key", info["name"])).endswith("/")]
        else:
            found = list(_walk(zone.fs, zone.root))
    except Exception as error:  # every file system has exceptions of its own
        raise LandingZoneError(f"The landing zone {zone.root} cannot be listed: {error}") from error
    entries = [_entry(zone, info) for info in found]
    return sorted((entry for entry in entries if not _passed_over(entry.path)), key=lambda entry: entry.path)


def list_landing(settings: Settings) -> list[tuple[str, str]]:
    """Path and fingerprint of every whole file and link that is there: changes when a pull would have something to do."""
    now = time.time()
    entries = list_entries(landing_zone(settings))
    whole = (entry for entry in entries if entry.settles_in(settings.settling_seconds, now) <= 0)
    return [(entry.path, entry.fingerprint) for entry in whole]


def open_entry(zone: Zone, entry: Entry) -> BinaryIO:
    """The file's bytes. Raises OSError: PermissionError where it may not be read, BecameLinkError where it is a link."""
    if not isinstance(zone.fs, LocalFileSystem):
        return zone.fs.open(entry.location, "rb")
    # between listing and opening a file can be swapped for a link, or for a pipe that never ends
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.fdopen(os.open(entry.location, flags), "rb")
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise BecameLinkError(error.errno, "is a link by now", entry.path) from error
        raise


def read_pieces(zone: Zone, entry: Entry, first_bytes: int, rest_bytes: int = 1 << 20) -> Iterator[bytes]:
    """The file's bytes, the first piece up to `first_bytes`, none of them empty.

    Raises FileNotFoundError where it is gone, BecameLinkError where it is a link by now, and NotReadableError for all
    else that reading it meets: what its taker meets (a full disk) is told apart from that.
    """
    try:
        with open_entry(zone, entry) as file:
            piece = file.read(first_bytes)
            while piece:
                yield piece
                piece = file.read(rest_bytes)
    except (FileNotFoundError, BecameLinkError):
        raise
    except Exception as error:  # every file system has exceptions of its own
        raise NotReadableError(str(error)) from error


def is_unchanged(zone: Zone, entry: Entry) -> bool:
    """Whether the file is still as it was listed; asked after it was read."""
    if entry.modified is None:
        return True
    try:
        return _fingerprint(zone.fs.info(entry.location)) == entry.fingerprint
    except OSError:
        return False


def settled_rounds(
    list_wanted: Callable[[], list[Entry]], settling_seconds: float
) -> Iterator[tuple[list[Entry], list[Entry]]]:
    """(whole, still being written), once or twice: what settles soon is waited for once the first is dealt with."""
    for is_last in (False, True):
        now = time.time()
        wanted = list_wanted()
        settling = [entry for entry in wanted if entry.settles_in(settling_seconds, now) > 0]
        unsettled = set(settling)
        yield [entry for entry in wanted if entry not in unsettled], settling
        wait = max((entry.settles_in(settling_seconds, time.time()) for entry in settling), default=0.0)
        if is_last or not settling or wait > PATIENCE_SECONDS:
            return
        time.sleep(max(wait, 0.0))


def _walk(fs: AbstractFileSystem, folder: str, *, is_root: bool = True) -> Iterator[dict[str, Any]]:
    """Every file and link below a folder; a folder below the root that can't be listed comes as itself."""
    try:
        infos = fs.ls(folder, detail=True)
    except OSError:
        if is_root:
            raise
        yield {"name": folder, "type": "unreadable_folder", "size": 0}
        return
    for info in infos:
        is_folder = info["type"] == "directory" and not info.get("islink")
        if is_folder and not _passed_over(info["name"].rstrip("/").rsplit("/", 1)[-1]):
            yield from _walk(fs, info["name"], is_root=False)
        elif not is_folder and (info["type"] in ("file", "link") or info.get("islink")):
            yield info


def _entry(zone: Zone, info: dict[str, Any]) -> Entry:
    location = info["name"]
    path = location.removeprefix(zone.root).strip("/") if location != zone.root else location.rsplit("/", 1)[-1]
    is_link = info["type"] == "link" or bool(info.get("islink"))
    kind = "link" if is_link else "unreadable_folder" if info["type"] == "unreadable_folder" else "file"
    return Entry(
        # names need not be UTF-8 on Linux, and the ledger's text is
        path=path.encode("utf-8", "backslashreplace").decode(),
        location=location,
        kind=kind,
        size=info.get("size") or 0,
        fingerprint=_fingerprint(info),
        modified=None if zone.is_object_store or kind != "file" else _modified(info),
    )


def _fingerprint(info: dict[str, Any]) -> str:
    return "|".join(f"{key}={info[key]}" for key in STATE_KEYS if info.get(key) is not None)


def _modified(info: dict[str, Any]) -> float | None:
    modified = info.get("mtime")
    if isinstance(modified, datetime):
        return modified.timestamp()
    return float(modified) if isinstance(modified, int | float) else None


def _passed_over(path: str) -> bool:
    parts = path.lower().split("/")
    return parts[-1].endswith(PASSED_OVER_ENDS) or any(
        part.startswith(PASSED_OVER_STARTS) or part in PASSED_OVER_NAMES for part in parts
    )
