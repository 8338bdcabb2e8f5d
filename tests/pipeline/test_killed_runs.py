"""A run that is killed at any stage and started again ends where an undisturbed run ends."""

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
# stage as the command line names it -> seconds into it at which the run is killed
STAGES = {
    "reference data": 0.0,
    "received returns": 0.2,
    "unplaced file issues": 0.0,
    "reminders": 0.0,
    "typed rows": 0.1,
    "issues": 2.0,
    "pupil keys": 0.0,
    "dbt models": 5.0,
    "snapshot": 0.1,
    "answers to schools": 0.1,
}
# when something was done, and who did it, may differ between two runs; what was done may not
TIMES = ("read_at", "finished_at", "made_at", "sent_at", "attempts")


def start_run(data_dir: Path) -> subprocess.Popen:
    environment = {**os.environ, "SEN_SETTLING_SECONDS": "0", "PYTHONUNBUFFERED": "1"}
    command = [str(Path(sys.executable).parent / "sen"), "run", "--on", ON, "--data-dir", str(data_dir)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


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
            columns = [
                f'"{row[0]}"'
                for row in connection.sql(f'DESCRIBE {schema}."{table}"').fetchall()
                if row[0] not in TIMES
            ]
            found[f"{schema}.{table}"] = connection.sql(
                f'SELECT {", ".join(columns)} FROM {schema}."{table}" ORDER BY ALL'
            ).fetchall()
    for folder in ("outbox", "archive"):
        found[folder] = sorted(path.name for path in (data_dir / folder).rglob("*") if path.is_file())
    return found


def test_a_run_killed_at_every_stage_and_started_again_ends_where_an_undisturbed_one_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("SEN_PSEUDONYM_KEY", "the tests' own pseudonym key")
    undisturbed, disturbed = tmp_path / "undisturbed" / "data", tmp_path / "disturbed" / "data"
    make_la(Settings(_env_file=None, data_dir=undisturbed), schools=6, terms=1)
    shutil.copytree(undisturbed, disturbed, symlinks=True)
    finish(undisturbed)
    for stage, after in STAGES.items():
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
