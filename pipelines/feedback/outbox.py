"""The outbox: a folder a school, at any fsspec URL, which the LA points at its secure transfer."""

import re
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pipelines.settings import Settings

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._ -]+")


@dataclass(frozen=True)
class Outbox:
    """Where feedback is put; paths are below its root, with `/` between."""

    filesystem: fsspec.AbstractFileSystem
    root: str

    def put(self, path: str, data: bytes) -> None:
        """Write a file whole or not at all, so that a transfer never picks up half of one."""
        full = f"{self.root}/{path}"
        if not isinstance(self.filesystem, LocalFileSystem):
            self.filesystem.pipe_file(full, data)
            return
        target = Path(full)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.part")
        fresh.write_bytes(data)
        fresh.replace(target)

    def take_away(self, path: str) -> None:
        """Remove a file if it is there."""
        full = f"{self.root}/{path}"
        if self.filesystem.exists(full):
            self.filesystem.rm_file(full)


def open_outbox(settings: Settings) -> Outbox:
    """The outbox of the settings; nothing is made before something is put."""
    filesystem, root = fsspec.core.url_to_fs(settings.outbox)
    return Outbox(filesystem, root.rstrip("/"))


def safe_name(text: str, longest: int = 80) -> str:
    """A name for a file or folder from text that came from outside: no separators, no leading dots, not too long."""
    return _NOT_IN_A_NAME.sub("_", text).strip(" .")[:longest].strip(" .") or "file"
