"""Answering the schools, as Dagster sees it."""

from dagster import AssetExecutionContext, MaterializeResult, asset

from pipelines.changed_terms import mark_finished
from pipelines.feedback import (
    answer_schools,
    give_profiles,
    give_profiles_after_deadline,
    list_missing_schools,
    read_profiles,
    remind_schools,
)
from pipelines.landing.assets import received_returns
from pipelines.partitions import one_run_a_range, terms
from pipelines.publishing.assets import snapshot
from pipelines.resources import Warehouse, run_time


@asset(partitions_def=terms, backfill_policy=one_run_a_range, deps=[snapshot], group_name="feedback")
def answers_to_schools(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """A profile for every school, a letter and a workbook for every return with anything to say; then the terms' run is
    finished.
    """
    keys, now = list(context.partition_keys), run_time(context)
    with warehouse.connect() as connection:
        profiles = read_profiles(warehouse.settings, connection, keys, now.date())
        counts = give_profiles(warehouse.settings, connection, list(profiles.values()), now.date())
        counts |= {"lists_of_missing": list_missing_schools(warehouse.settings, connection, now.date())}
        counts |= answer_schools(warehouse.settings, connection, keys, now.date(), profiles)
        mark_finished(warehouse.settings, connection, keys, now)
    return MaterializeResult(metadata=counts)


@asset(deps=[received_returns], group_name="feedback")
def reminders(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """What falls due by the calendar: reminders to schools that have sent nothing; once the deadline has passed, who is
    missing (to the LA) and the profiles.
    """
    today = run_time(context).date()
    with warehouse.connect() as connection:
        counts = give_profiles_after_deadline(warehouse.settings, connection, today)
        return MaterializeResult(metadata=counts | remind_schools(warehouse.settings, connection, today))
