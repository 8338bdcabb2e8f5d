"""Answering the schools, as Dagster sees it."""

from dagster import AssetExecutionContext, MaterializeResult, asset

from pipelines.changed_terms import mark_finished
from pipelines.feedback import answer_schools, remind_schools
from pipelines.landing.assets import received_returns
from pipelines.partitions import one_run_a_range, terms
from pipelines.publishing.assets import snapshot
from pipelines.resources import Warehouse, run_time


@asset(partitions_def=terms, backfill_policy=one_run_a_range, deps=[snapshot], group_name="feedback")
def answers_to_schools(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """A letter and a workbook for every return with anything to say; then the terms' run is finished."""
    keys, now = list(context.partition_keys), run_time(context)
    with warehouse.connect() as connection:
        counts = answer_schools(warehouse.settings, connection, keys, now.date())
        mark_finished(warehouse.settings, connection, keys, now)
    return MaterializeResult(metadata=counts)


@asset(deps=[received_returns], group_name="feedback")
def reminders(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """A letter to each school that is due and has sent nothing, on the calendar's reminder days."""
    with warehouse.connect() as connection:
        return MaterializeResult(metadata=remind_schools(warehouse.settings, connection, run_time(context).date()))
