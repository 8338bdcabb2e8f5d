"""dagster-dbt without dbt itself, which is a program of its own here: importing it cost every start 3 CPU seconds."""

import sys

is_hidden = "dbt" not in sys.modules
if is_hidden:
    sys.modules["dbt"] = None  # not to be found: dagster-dbt then does without it, as it does beside dbt Fusion

from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets  # noqa: E402

if is_hidden:
    del sys.modules["dbt"]

__all__ = ["DagsterDbtTranslator", "DagsterDbtTranslatorSettings", "DbtCliResource", "dbt_assets"]
