"""Runs of `sen` that are killed in a stage, and what is compared when they have been started again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from pipelines.settings import Settings
from pipelines.warehouse import warehouse

ON = "2026-07-22"
PSEUDONYM_KEY = "the tests' own pseudonym key"
# when something was done, and how a file lies on the disk, differs between two runs; what was done may not
TIMES = {"read_at", "finished_at", "made_at", "sent_at", "attempts", "fingerprint"}


class Moment(NamedTuple):
    """When a stage is caught: as soon as files of the data folder that match hold so many bytes."""

    files: str = "warehouse.duckdb.wal"  # what is written and not yet in the warehouse's own file; gone between stages
    bytes: int = 1

    def has_come(self, data_dir: Path) -> bool:
        try:
            sizes = [path.stat().st_size for path in data_dir.glob(self.files) if path.is_file()]
        except FileNotFoundError:  # gone since it was listed: not yet, or no more
            return False
        return sum(sizes) >= self.bytes


AT_ONCE = Moment(bytes=0)
STAGES = {  # in the order in which they are killed
    "reference data": Moment(),
    "received returns": Moment(),
    "unplaced file issues": Moment(),
    "reminders": AT_ONCE,  # there is nobody to remind
    "typed rows": Moment(),
    "issues": Moment(),
    "pupil keys": Moment(),
    # views and seeds are there, and the first of the models; dbt's process lives on and holds the warehouse for a while
    "dbt models": Moment(bytes=200_000),
    "snapshot": Moment("published/*.duckdb*"),
    "answers to schools": Moment(),
}


def _start(data_dir: Path) -> tuple[subprocess.Popen, Path]:
    """A run as a person starts it, and the file to which it says what it does."""
    environment = {**os.environ, "SEN_PSEUDONYM_KEY": PSEUDONYM_KEY, "PYTHONUNBUFFERED": "1"}
    command = [str(Path(sys.executable).parent / "sen"), "run", "--on", ON, "--data-dir", str(data_dir)]
    said = data_dir.parent / "said.txt"
    with said.open("w") as out:
        run = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=data_dir.parent)
    return run, said


def _begun(said: Path) -> list[str]:
    """The stages that a run has said it has begun."""
    return [line.strip() for line in said.read_text().splitlines() if line.strip() in STAGES]


def kill_in(data_dir: Path, stage: str, moment: Moment) -> None:
    """Start a run and kill it in the stage; once more where the stage was over before it could be caught."""
    for _ in range(3):
        run, said = _start(data_dir)
        while run.poll() is None:
            begun = _begun(said)
            if stage in begun and (begun[-1] != stage or moment.has_come(data_dir)):
                run.send_signal(signal.SIGKILL)
            time.sleep(0.002 if stage in begun else 0.01)
        assert run.returncode == -signal.SIGKILL, f"never killed in {stage}: {said.read_text()[-2000:]}"
        if _begun(said)[-1] == stage:
            return
    pytest.fail(f"{stage} was over each time before it could be killed")


def finish(data_dir: Path) -> None:
    run, said = _start(data_dir)
    assert run.wait() == 0, said.read_text()[-3000:]


def contents(settings: Settings) -> dict[str, list]:
    """Every table's rows in order, without the times; and the outbox's and archive's file names."""
    found = {}
    with warehouse(settings, read_only=True) as connection:
        tables = connection.sql(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'wh'"
        ).fetchall()
        for schema, table in tables:
            names = [row[0] for row in connection.sql(f'DESCRIBE {schema}."{table}"').fetchall()]
            columns = [f'"{name}"' for name in names if name not in TIMES] or ["count(*)"]
            found[f"{schema}.{table}"] = connection.sql(
                f'SELECT {", ".join(columns)} FROM {schema}."{table}" ORDER BY ALL'
            ).fetchall()
    for folder in ("outbox", "archive"):
        files = (path.name for path in (settings.data_dir / folder).rglob("*") if path.is_file())
        found[folder] = sorted(name for name in files if name != "ENCRYPTED")  # the archive's note that there is a key
    return found


def differences(expected: dict[str, list], untouched: Path, folder: Path, stages: dict[str, Moment]) -> list[str]:
    """The names of what is not as expected in a copy of the untouched data folder after a run killed in each stage.

    Each time it is started again; at the end it is left alone, and then finds nothing new.
    """
    data_dir = folder / "data"
    shutil.copytree(untouched, data_dir, symlinks=True)
    for stage, moment in stages.items():
        kill_in(data_dir, stage, moment)
    finish(data_dir)
    settings = Settings(_env_file=None, data_dir=data_dir)
    found = contents(settings)
    finish(data_dir)
    assert contents(settings) == found, "a run with nothing new changed something"
    return [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
