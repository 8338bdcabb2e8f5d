"""When runs start: the sensor when files arrive, the schedule while a term's window is open, and `sen run`, all the same jobs."""

import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import ACTIVE_RUN_STATUSES
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from pipelines.changed_terms import changed_ranges
from pipelines.landing import list_landing
from pipelines.resources import ON_TAG
from pipelines.settings import Settings, get_settings
from pipelines.terms import load_calendar
from pipelines.warehouse import only_writer, warehouse

DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 1
event_log_storage:
  module: pipelines.event_log
  class: EventLog
  config:
    base_dir: {event_log}
"""


BY_HAND_TAG = "sen/by_hand"  # a run of `sen run`, in its own process


class RunFailedError(Exception):
    """A job of the run failed; the message names the step and what it said."""


def prepare_dagster_home(settings: Settings) -> None:
    """Make DAGSTER_HOME, without telemetry or sign-up for news, and name it to Dagster."""
    home = settings.dagster_home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    event_log = json.dumps(str(home / "history" / "runs"))  # where Dagster's own would be; JSON is YAML
    (home / "dagster.yaml").write_text(DAGSTER_YAML.format(event_log=event_log))
    os.environ["DAGSTER_HOME"] = str(home)


def end_dead_runs(instance: dg.DagsterInstance, tags: dict[str, str] | None = None) -> int:
    """Mark the runs (with these tags) that a killed process left under way as failed; gives their number.

    While Dagster takes one for running, it starts no other, for ever. Called where no such run can be alive.
    """
    dead = instance.get_runs(dg.RunsFilter(statuses=list(ACTIVE_RUN_STATUSES), tags=tags or {}))
    for run in dead:
        instance.report_run_failed(run, "The process that ran this was killed.")
    return len(dead)


def ask_for_pull(settings: Settings) -> None:
    """Let the sensor start a pull though no file has arrived: for what was left undone, or what somebody decided."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    _pull_asked(settings).touch()


def _pull_asked(settings: Settings) -> Path:
    return settings.dagster_home / "pull_asked_for"


def range_tags(terms: list[str], on: date | None) -> dict[str, str]:
    """The tags of a run over a contiguous range of terms."""
    tags = {ASSET_PARTITION_RANGE_START_TAG: terms[0], ASSET_PARTITION_RANGE_END_TAG: terms[-1]}
    return tags | ({ON_TAG: on.isoformat()} if on else {})


def run_once(
    settings: Settings,
    definitions: dg.Definitions,
    *,
    on: date | None = None,
    term: str | None = None,
    say: Callable[[str], None] = print,
) -> list[str]:
    """One pass: pull, then each contiguous range of terms with something new (or `term` alone); returns the terms run.

    The caller is the only writer from before to after. Raises RunFailedError where a step failed; what earlier steps did stands, and the next run goes on from there.
    """
    prepare_dagster_home(settings)
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance, {BY_HAND_TAG: "yes"})
        say("Pulling new files")
        _execute(definitions, "pull", instance, {ON_TAG: on.isoformat()} if on else {}, settings)
        with warehouse(settings) as connection:
            if connection.execute("SELECT 1 FROM ledger.closed_terms WHERE term = ?", [term]).fetchone():
                raise RunFailedError(f"The figures of {term} stand: what they rest on is past its retention.")
            ranges = [[term]] if term else changed_ranges(settings, connection)
        for terms in ranges:
            say(f"Running {terms[0]}" if len(terms) == 1 else f"Running {terms[0]} to {terms[-1]}")
            _execute(definitions, "term", instance, range_tags(terms, on), settings)
    if not ranges:
        say("Nothing new")
    return [term for terms in ranges for term in terms]


def _execute(
    definitions: dg.Definitions, job: str, instance: dg.DagsterInstance, tags: dict[str, str], settings: Settings
) -> None:
    # what dbt and Dagster say goes to a log: a person at the command line follows the steps
    with (settings.dagster_home / "run.log").open("a") as log, redirect_stdout(log), redirect_stderr(log):
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            tags=tags | {BY_HAND_TAG: "yes"},
            raise_on_error=False,
            run_config={"loggers": {"progress": {}}},
        )
    if not result.success:
        events = result.all_events
        # a run fails for its steps' reasons: said once
        failures = [event for event in events if event.is_step_failure] or [
            event for event in events if event.is_failure
        ]
        raise RunFailedError("; ".join(dict.fromkeys(map(_cause, failures))))


def _cause(event: dg.DagsterEvent) -> str:
    """The step and the innermost error, in one line: a person at the command line reads it."""
    error = getattr(event.event_specific_data, "error", None)
    while error and error.cause:
        error = error.cause
    # an error of our own is a sentence; its class stands before it
    said = re.sub(r"^pipelines\.[\w.]+: ", "", error.message.strip()) if error else event.message
    return f"{(event.step_key or event.job_name).replace('_', ' ')}: {said}"


def files_arrived(pull_job) -> dg.SensorDefinition:
    """A pull as soon as the landing zone or the LA's own folder holds something that it did not, or one is asked for."""

    @dg.sensor(job=pull_job, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
    def new_files(context: dg.SensorEvaluationContext):
        seen = _listing(get_settings())
        if seen == context.cursor:
            return dg.SkipReason("No new files")
        context.update_cursor(seen)
        return dg.RunRequest(run_key=seen)

    return new_files


def _listing(settings: Settings) -> str:
    """Fingerprint of what lies in the landing zone and the LA's own folder, names, sizes, times; and of what was asked."""
    reference = sorted(path for path in settings.reference_dir.rglob("*") if path.is_file())
    own = [(path.as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in reference]
    asked = _pull_asked(settings)
    asked_at = asked.stat().st_mtime_ns if asked.exists() else None
    return hashlib.sha256(repr([list_landing(settings), own, asked_at]).encode()).hexdigest()


def term_runs_after_pull(pull_job, term_job) -> dg.SensorDefinition:
    """After each pull, the run of every contiguous range of terms that has something new."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[pull_job],
        request_job=term_job,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def term_after_pull(context: dg.RunStatusSensorContext):
        settings = get_settings()
        # without the lock it could take the file from under the dbt of a run that somebody started by hand
        with only_writer(settings, say=context.log.info), warehouse(settings) as connection:
            ranges = changed_ranges(settings, connection)
        for terms in ranges:
            yield dg.RunRequest(run_key=f"{context.dagster_run.run_id}-{terms[0]}", tags=range_tags(terms, None))

    return term_after_pull


def nightly_while_window_open(pull_job) -> dg.ScheduleDefinition:
    """Each night while a term's return window is open, its deadline included; the dates are the calendar's."""

    @dg.schedule(
        job=pull_job,
        cron_schedule="0 2 * * *",
        execution_timezone="Europe/London",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def nightly(context: dg.ScheduleEvaluationContext):
        today = context.scheduled_execution_time.date()
        open_terms = open_windows(get_settings(), today)
        if not open_terms:
            return dg.SkipReason("No term's return window is open")
        return dg.RunRequest(run_key=today.isoformat())

    return nightly


def open_windows(settings: Settings, today: date) -> list[str]:
    """The terms whose window is open on a day: from the day it opens to the night after the deadline."""
    return [
        key
        for key, term in load_calendar(settings).items()
        if term.window_opens_on <= today and (today - term.deadline).days <= 1
    ]


class _StepLines(logging.Handler):
    """A line as each step begins, and what a step has to say."""

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if event is not None and event.event_type_value == "STEP_START":
            print(f"  {event.step_key.replace('_', ' ')}", file=sys.__stdout__, flush=True)


@dg.logger(config_schema={})
def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """What a person at the command line follows."""
    log = logging.Logger("progress")
    log.addHandler(_StepLines())
    return log
