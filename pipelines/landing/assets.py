"""The pull, as Dagster sees it."""

from dataclasses import asdict

from dagster import AssetExecutionContext, MaterializeResult, asset

from pipelines.landing import pull
from pipelines.reference.assets import reference_data
from pipelines.resources import Warehouse, run_time


@asset(deps=[reference_data], group_name="landing")
def received_returns(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """Every file of the landing zone: its bytes in the archive, its row in the ledger, its school and term if it has one."""
    with warehouse.connect() as connection:
        return MaterializeResult(metadata=asdict(pull(warehouse.settings, connection, run_time(context))))
