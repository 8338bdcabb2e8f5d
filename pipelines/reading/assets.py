"""Reading, as Dagster sees it."""

from dagster import AssetExecutionContext, MaterializeResult, asset

from pipelines.landing.assets import received_returns
from pipelines.partitions import one_run_a_range, terms
from pipelines.reading.returns import read_returns
from pipelines.resources import Warehouse


@asset(partitions_def=terms, backfill_policy=one_run_a_range, deps=[received_returns], group_name="reading")
def typed_rows(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """Every row of the terms' returns, typed beside its text (schema raw)."""
    with warehouse.connect() as connection:
        return MaterializeResult(metadata=read_returns(warehouse.settings, connection, list(context.partition_keys)))
