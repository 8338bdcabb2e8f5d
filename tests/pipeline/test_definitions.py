"""What Dagster loads: lineage from a file to a figure and to a letter, and what starts by itself."""

import subprocess
import sys

import dagster as dg
import pytest

from pipelines.settings import get_settings
from pipelines.warehouse import warehouse


@pytest.fixture(scope="module")
def definitions(parsed_project):
    """The module that Dagster loads, which reads dbt's manifest."""
    from pipelines import definitions

    return definitions


@pytest.fixture(scope="module")
def above(definitions):
    """above(*path): everything that an asset comes from, by name."""
    graph = definitions.defs.resolve_asset_graph()

    def names(*path: str) -> set[str]:
        return {key.to_user_string() for key in dg.AssetSelection.assets(dg.AssetKey(path)).upstream().resolve(graph)}

    return names


@pytest.mark.parametrize(
    "figure",
    [
        "indicator_values",
        "indicator_values_area",
        "indicator_units",
        "support_cases",
        "ehc_admissions",
        "returns",
        "issues",
    ],
)
def test_lineage_runs_from_the_file_to_the_figure(above, figure):
    assert above("marts", figure) >= {"reference_data", "received_returns", "typed_rows", "issues"}


def test_lineage_runs_on_to_the_snapshot_and_to_the_answer(above):
    assert above("snapshot") >= {"received_returns", "pupil_keys", "marts/indicator_values", "indicators/rev01"}
    assert above("answers_to_schools") >= {"snapshot", "issues"}
    assert above("reminders") >= {"received_returns"}


def test_the_sensors_and_the_schedule_are_on_unless_somebody_turns_them_off(definitions):
    repository = definitions.defs.get_repository_def()
    assert {sensor.name: sensor.default_status for sensor in repository.sensor_defs} == {
        "new_files": dg.DefaultSensorStatus.RUNNING,
        "term_after_pull": dg.DefaultSensorStatus.RUNNING,
    }
    assert {schedule.name: schedule.default_status for schedule in repository.schedule_defs} == {
        "nightly": dg.DefaultScheduleStatus.RUNNING
    }


def test_steps_run_one_after_the_other_in_one_process_and_every_asset_is_in_a_job(definitions):
    jobs = {name: definitions.defs.resolve_job_def(name) for name in ("pull", "term")}
    assert all(job.executor_def.name == "in_process" for job in jobs.values())
    executed = {key for job in jobs.values() for key in job.asset_layer.executable_asset_keys}
    made = {key for asset in [*definitions.PULL_ASSETS, *definitions.TERM_ASSETS] for key in asset.keys}
    assert executed == made == set(definitions.defs.resolve_asset_graph().get_all_asset_keys())


def test_what_costs_seconds_to_import_is_not_imported_to_load_the_definitions(parsed_project):
    program = "import sys, pipelines.definitions; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"dbt", "great_expectations", "streamlit"}.isdisjoint(loaded.stdout.split())
    assert "dagster_dbt" in loaded.stdout.split()


def test_after_a_pull_each_contiguous_range_of_terms_with_something_new_is_asked_for(settings, definitions):
    get_settings.cache_clear()
    with warehouse(settings) as connection:
        for number, term in enumerate(("2024-25-autumn", "2025-26-spring", "2025-26-summer")):
            connection.execute("INSERT INTO ledger.files (file_id, term) VALUES (?, ?)", [f"f{number}", term])
            connection.execute("INSERT INTO ledger.returns (return_id, term) VALUES (?, ?)", [f"f{number}", term])
    sensor = definitions.defs.resolve_sensor_def("term_after_pull")
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.DagsterRun(job_name="pull", run_id="a-pull")
        event = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name="pull")
        context = dg.build_run_status_sensor_context("term_after_pull", event, instance, run)
        asked = list(sensor(context))
    ranges = [
        tuple(v for k, v in sorted(request.tags.items(), reverse=True) if "partition_range" in k) for request in asked
    ]
    assert ranges == [("2024-25-autumn", "2024-25-autumn"), ("2025-26-spring", "2025-26-summer")]
