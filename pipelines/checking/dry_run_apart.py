"""A dry run in a process of its own: whoever serves pages meanwhile is not slowed, and nothing of it outlives it.

The file goes there and the answer comes back through pipes. What the check writes is in one temporary folder, which is
removed by this process whatever becomes of that one: done, failed, killed, or not waited for any longer.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pipelines.checking.dry_run import DryRun, dry_run
from pipelines.reference import NoEstablishments
from pipelines.settings import Settings

SECONDS_BETWEEN = 0.3
NICENESS = 10
WAITING = "Another file is being checked. Yours is the next."
# as many as may run at once; a check takes a processor for some seconds
_TURN = threading.BoundedSemaphore(1)


class DryRunFailedError(Exception):
    """The check itself failed; the message says how, and names no pupil."""


def dry_run_apart(
    settings: Settings, data: bytes, file_name: str, at: datetime, meanwhile: Callable[[str], object]
) -> DryRun:
    """`dry_run`, apart. Raises reference.NoEstablishments as it does, and DryRunFailedError.

    meanwhile: called again and again with what is being waited for (blank: nothing); where it raises, the check ends.
    """
    while not _TURN.acquire(timeout=SECONDS_BETWEEN):
        meanwhile(WAITING)
    try:
        # what was being written as the process was killed may still be on its way
        with tempfile.TemporaryDirectory(prefix="sen-check-apart-", ignore_cleanup_errors=True) as folder:
            answer = _ask(pickle.dumps((settings, data, file_name, at)), Path(folder), meanwhile)
    finally:
        _TURN.release()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _ask(question: bytes, folder: Path, meanwhile: Callable[[str], object]) -> DryRun | Exception:
    said = folder / "said"
    temporary = {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}
    child = subprocess.Popen(
        [sys.executable, "-m", "pipelines.checking.dry_run_apart", str(said)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | temporary,
    )
    try:
        asked: bytes | None = question
        while True:
            try:
                answer, _ = child.communicate(asked, timeout=SECONDS_BETWEEN)
                break
            except subprocess.TimeoutExpired:
                asked = None  # it is on its way
                meanwhile(said.read_text(encoding="utf-8") if said.is_file() else "")
    finally:
        child.kill()
        child.communicate()
    if child.returncode != 0:
        return DryRunFailedError(f"it ended with {child.returncode}")
    return pickle.loads(answer)


def _answer(said: Path) -> None:
    """What the process does: read the question, check, answer."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    settings, data, file_name, at = pickle.load(sys.stdin.buffer)
    # whatever prints is no part of the answer
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        answer = dry_run(settings, data, file_name, at, say=lambda line: said.write_text(line, encoding="utf-8"))
    except NoEstablishments as error:
        answer = error
    except Exception as error:  # its words may be a cell's
        answer = DryRunFailedError(type(error).__name__)
    with os.fdopen(out, "wb") as pipe, suppress(BrokenPipeError):
        pickle.dump(answer, pipe)


if __name__ == "__main__":
    # the classes of the answer are those of the module, not of this script
    from pipelines.checking import dry_run_apart as module

    module._answer(Path(sys.argv[1]))
