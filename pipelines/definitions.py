"""Everything that Dagster loads: assets and checks, jobs, schedules, sensors, resources."""

import dagster as dg

from pipelines.building.assets import dbt_models, pupil_keys
from pipelines.building.dbt_resource import dbt_resource
from pipelines.checking.assets import issues, unplaced_file_issues
from pipelines.feedback.assets import answers_to_schools, reminders
from pipelines.landing.assets import received_returns
from pipelines.publishing.assets import snapshot
from pipelines.reading.assets import typed_rows
from pipelines.reference.assets import reference_data
from pipelines.resources import Warehouse
from pipelines.runs import files_arrived, nightly_while_window_open, progress_logger, term_runs_after_pull

PULL_ASSETS = [reference_data, received_returns, unplaced_file_issues, reminders]
TERM_ASSETS = [typed_rows, issues, pupil_keys, dbt_models, snapshot, answers_to_schools]

# two steps that both write would fail on the warehouse's lock: steps run one after the other
pull_job = dg.define_asset_job("pull", PULL_ASSETS, executor_def=dg.in_process_executor)
term_job = dg.define_asset_job("term", TERM_ASSETS, executor_def=dg.in_process_executor)

defs = dg.Definitions(
    assets=[*PULL_ASSETS, *TERM_ASSETS],
    jobs=[pull_job, term_job],
    schedules=[nightly_while_window_open(pull_job)],
    sensors=[files_arrived(pull_job), term_runs_after_pull(pull_job, term_job)],
    loggers={"progress": progress_logger},
    resources={
        "warehouse": Warehouse(),
        "dbt": dbt_resource(),
    },
)
