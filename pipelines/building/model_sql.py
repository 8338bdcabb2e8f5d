"""A dbt model's own SQL, for what must be known before dbt has run: what a model says is said nowhere twice."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path

import yaml
from jinja2 import Environment, StrictUndefined

from pipelines.building.dbt_project import dbt_environment
from pipelines.settings import DBT_PROJECT_DIR, SEEDS_DIR, Settings
from pipelines.warehouse import sql_text


def model_sql(settings: Settings | None, name: str, given: Mapping[str, str] | None = None) -> str:
    """A query with the rows of a model, to be asked of the warehouse; its sources and seeds are read as they are now.

    given: model -> the query that stands in its place, in whatever model reads it. For models that use no macro; without
    settings, for models that ask for none. Raises KeyError for a name that is neither a model nor a seed whose columns have their types in the project.
    """
    with dbt_environment(settings) if settings else nullcontext():
        return _rendered(name, given or {})


def _rendered(name: str, given: Mapping[str, str]) -> str:
    def ref(other: str) -> str:
        if other in given:
            return f"({given[other]})"
        return _seed(other) if other in _seed_columns() else f"({_rendered(other, given)})"

    environment = Environment(undefined=StrictUndefined)
    environment.globals |= {
        "config": lambda **_: "",
        "ref": ref,
        "source": lambda schema, table: f"{schema}.{table}",
        "env_var": os.environ.get,
    }
    return environment.from_string(_models()[name].read_text(encoding="utf-8")).render()


@lru_cache(maxsize=1)
def _models() -> dict[str, Path]:
    return {path.stem: path for path in (DBT_PROJECT_DIR / "models").rglob("*.sql")}


@lru_cache(maxsize=1)
def _seed_columns() -> dict[str, dict[str, str]]:
    """Seed -> column -> type, as the project gives them to dbt."""
    described = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in SEEDS_DIR.glob("*.yml")]
    seeds = [seed for file in described for seed in file.get("seeds", [])]
    return {seed["name"]: seed["config"]["column_types"] for seed in seeds if "column_types" in seed.get("config", {})}


def _seed(name: str) -> str:
    columns = ", ".join(f"{sql_text(column)}: {sql_text(kind)}" for column, kind in _seed_columns()[name].items())
    return f"read_csv({sql_text(str(SEEDS_DIR / f'{name}.csv'))}, header = true, columns = {{{columns}}})"
