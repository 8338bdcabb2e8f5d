"""The LA's own data, as Dagster sees it."""

from dagster import AssetExecutionContext, MaterializeResult, asset

from pipelines.reference import pull_reference
from pipelines.resources import Warehouse, run_time


@asset(group_name="reference")
def reference_data(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """GIAS, contacts, the LA's EHC plans and pupil context: archived, versioned, and the newest loaded."""
    with warehouse.connect() as connection:
        return MaterializeResult(metadata=pull_reference(warehouse.settings, connection, run_time(context)))
