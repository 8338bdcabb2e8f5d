"""dbt's command line as a Dagster resource, without two things that cost every run ten seconds."""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version as installed_version

from packaging.version import Version, parse

from pipelines.building.dbt_outside import DbtCliResource
from pipelines.building.dbt_project import dbt_executable
from pipelines.settings import DBT_PROJECT_DIR


class Dbt(DbtCliResource):
    """dbt beside this Python, on the project's own profile."""

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # noqa: ARG002
        # an adapter of its own beside the command's, only to fetch metadata of columns, which nothing here asks for
        return None

    @cached_property
    def _cli_version(self) -> Version:
        # asking the command itself starts it once more
        return parse(installed_version("dbt-core"))


def dbt_resource() -> Dbt:
    """The resource that `definitions.py` names `dbt`."""
    return Dbt(project_dir=str(DBT_PROJECT_DIR), profiles_dir=str(DBT_PROJECT_DIR), dbt_executable=dbt_executable())
