"""The landing stage: pull files, archive their bytes, keep the ledger."""

from pipelines.landing.archive import ArchiveError, archive_bytes, encrypt_archive, read_archived
from pipelines.landing.pulling import PullSummary, pull
from pipelines.landing.releasing import ReleaseError, release
from pipelines.landing.zone import LandingZoneError, list_landing

__all__ = [
    "ArchiveError",
    "LandingZoneError",
    "PullSummary",
    "ReleaseError",
    "archive_bytes",
    "encrypt_archive",
    "list_landing",
    "pull",
    "read_archived",
    "release",
]
