"""Dagster's event log with its files kept open: what Dagster's own reads of it, after whatever end."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from pipelines.event_log import EventLog
from pipelines.runs import prepare_dagster_home

KILLED = """
import os, signal
import dagster as dg
with dg.DagsterInstance.get() as instance:
    instance.report_engine_event("half way", job_name="term", run_id="a-run")
    instance.report_runless_asset_event(dg.AssetMaterialization("typed_rows"))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(settings, monkeypatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that it is as before when this ends
    prepare_dagster_home(settings)
    return settings.dagster_home / "history" / "runs"


def say(instance: dg.DagsterInstance, run_id: str) -> None:
    instance.report_engine_event("half way", job_name="term", run_id=run_id)


def test_dagsters_own_finds_all_that_a_killed_process_had_written(folder):
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    own = SqliteEventLogStorage(str(folder))
    assert [entry.message for entry in own.get_logs_for_run("a-run")] == ["half way"]
    assert own.get_latest_materialization_events([dg.AssetKey("typed_rows")])[dg.AssetKey("typed_rows")]


def test_a_process_that_writes_run_after_run_keeps_two_files_open_and_none_at_its_end(folder):
    def is_open() -> set[str]:
        names = {Path(file.path) for file in psutil.Process().open_files()}
        return {path.name for path in names if path.parent == folder.resolve() and path.suffix == ".db"}

    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        for number in range(4):
            say(instance, f"run-{number}")
        assert is_open() <= {"index.db", "run-3.db"}
        assert instance.all_logs("run-0")[0].message == "half way"
    assert is_open() == set()


def test_who_follows_a_run_is_told_of_its_events_while_it_goes_on(folder):
    told = threading.Event()
    with dg.DagsterInstance.get() as instance, dg.DagsterInstance.get() as follower:
        say(instance, "a-run")
        follower.watch_event_logs("a-run", None, lambda *_: told.set())
        told.clear()
        say(instance, "a-run")
        assert told.wait(timeout=30)
