"""The dbt project as assets, so that lineage runs from file to figure."""

from collections.abc import Iterator, Mapping
from typing import Any

from dagster import AssetExecutionContext, AssetKey, MaterializeResult, asset

from pipelines.building.dbt_outside import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    dbt_assets,
)
from pipelines.building.dbt_project import BUILD, dbt_environment, manifest_path, target_of_runs
from pipelines.building.pupil_keys import write_pupil_keys
from pipelines.building.terms_to_build import begin_build
from pipelines.checking.assets import issues
from pipelines.partitions import terms_of_run
from pipelines.reference.assets import reference_data
from pipelines.resources import Warehouse
from pipelines.settings import get_settings

# which asset makes the tables of a source's schema
MADE_BY = {
    "raw": issues.key,
    "quality": issues.key,
    "ledger": issues.key,
    "reference": reference_data.key,
    "restricted": AssetKey("pupil_keys"),
}


class SchemaTranslator(DagsterDbtTranslator):
    """A model's key is its layer and its name (`marts/issues`), its group the layer; a source is the asset that makes it."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        """Sources by their schema, models and seeds by layer and name."""
        if dbt_resource_props["resource_type"] == "source":
            return MADE_BY[dbt_resource_props["schema"]]
        return AssetKey([_layer(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer."""
        return _layer(dbt_resource_props)


def _layer(dbt_resource_props: Mapping[str, Any]) -> str:
    """The model's folder, or `seeds`."""
    return "seeds" if dbt_resource_props["resource_type"] == "seed" else dbt_resource_props["fqn"][1]


@asset(deps=[issues], group_name="building")
def pupil_keys(warehouse: Warehouse) -> MaterializeResult:
    """One key a child, in place of every identifier (schema restricted)."""
    with warehouse.connect() as connection:
        return MaterializeResult(metadata={"children": write_pupil_keys(warehouse.settings, connection)})


@dbt_assets(
    manifest=manifest_path(get_settings()),
    dagster_dbt_translator=SchemaTranslator(
        settings=DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)
    ),
)
def dbt_models(context: AssetExecutionContext, dbt: DbtCliResource, warehouse: Warehouse) -> Iterator:
    """Seeds, models and their tests, in one dbt build."""
    with warehouse.connect() as connection:
        first = begin_build(warehouse.settings, connection, terms_of_run(context.run))
    context.log.info(f"The figures of {first} and of every later term are made anew")
    with dbt_environment(warehouse.settings):
        build = dbt.cli(BUILD, context=context, target_path=target_of_runs(warehouse.settings))
        yield from build.stream()
