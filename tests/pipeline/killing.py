"""Runs that are killed, and what is compared when they have been started again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.demo.synthetic_la import make_la
from pipelines.settings import Settings
from pipelines.warehouse import warehouse

ON = "2026-07-22"
# when something was done, and how a file lies on the disk, differs between two runs; what was done may not
TIMES = {"read_at", "finished_at", "made_at", "sent_at", "attempts", "fingerprint"}


def start_run(data_dir: Path) -> subprocess.Popen:
    environment = {**os.environ, "SEN_PSEUDONYM_KEY": "the tests' own key", "PYTHONUNBUFFERED": "1"}
    command = [str(Path(sys.executable).parent / "sen"), "run", "--on", ON, "--data-dir", str(data_dir)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=data_dir.parent
    )


def kill_in(data_dir: Path, stage: str, after: float) -> None:
    run = start_run(data_dir)
    said = []
    for line in run.stdout:
        said.append(line)
        if line.strip() == stage:
            time.sleep(after)
            run.send_signal(signal.SIGKILL)
            run.wait()
            return
    pytest.fail(f"the run never came to {stage}: {''.join(said)[-2000:]}")


def finish(data_dir: Path) -> None:
    run = start_run(data_dir)
    said, _ = run.communicate()
    assert run.returncode == 0, said[-3000:]


def contents(data_dir: Path) -> dict[str, list]:
    """Every table's rows in order, without the times; and the outbox's and archive's file names."""
    settings = Settings(_env_file=None, data_dir=data_dir)
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
        found[folder] = sorted(path.name for path in (data_dir / folder).rglob("*") if path.is_file())
    return found


def check_that_kills_leave_no_trace(folder: Path, stages: list[tuple[str, float]]) -> None:
    """Kill a run in each stage (at so many seconds into it), start it again each time, and compare with a run left alone."""
    undisturbed, disturbed = folder / "undisturbed" / "data", folder / "disturbed" / "data"
    make_la(Settings(_env_file=None, data_dir=undisturbed), schools=6, terms=1)
    shutil.copytree(undisturbed, disturbed, symlinks=True)
    finish(undisturbed)
    for stage, after in stages:
        kill_in(disturbed, stage, after)
    finish(disturbed)
    expected, found = contents(undisturbed), contents(disturbed)
    assert expected["marts.indicator_values"], "the comparison must have something to compare"
    assert expected["outbox"]
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], f"{name} differs"
    # and once more, with nothing new: nothing changes
    finish(disturbed)
    assert contents(disturbed) == found
