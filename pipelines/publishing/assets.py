"""The snapshot, as Dagster sees it."""

from dagster import AssetExecutionContext, MaterializeResult, asset

from pipelines.building.assets import dbt_models
from pipelines.building.terms_to_build import mark_published
from pipelines.partitions import terms_of_run
from pipelines.publishing.restatements import note_restatements
from pipelines.publishing.snapshots import keep_places, publish
from pipelines.resources import Warehouse, run_time


@asset(deps=[key for key, group in dbt_models.group_names_by_key.items() if group == "marts"], group_name="publishing")
def snapshot(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """A read-only copy of the marts; dashboards open the newest."""
    at = run_time(context)
    restated = note_restatements(warehouse.settings, at)
    with warehouse.connect() as connection:
        keep_places(connection)
    name = publish(warehouse.settings, at)
    with warehouse.connect() as connection:
        mark_published(warehouse.settings, connection, terms_of_run(context.run))
    return MaterializeResult(metadata={"snapshot": name, "restated figures": restated})
