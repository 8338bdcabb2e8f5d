"""What tells one state of the project's own files from another."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipelines.settings import PROJECT_DIR


def files_fingerprint(paths: Iterable[Path]) -> str:
    """SHA-256 (hexadecimal) over the names and bytes of files of the project, whatever their order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(PROJECT_DIR).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
