"""Nothing needs a network once installed, and nothing is told to anybody."""

import re

import duckdb
import pytest
import yaml

from pipelines.runs import prepare_dagster_home
from pipelines.settings import DBT_PROJECT_DIR, PROJECT_DIR
from pipelines.warehouse import warehouse

CODE = [
    path
    for folder in ("pipelines", "expectations", "dashboards", "dbt_project/models", "dbt_project/macros")
    for suffix in ("py", "sql")
    for path in (PROJECT_DIR / folder).rglob(f"*.{suffix}")
]


def test_a_database_neither_installs_nor_loads_an_extension_by_itself(settings):
    with warehouse(settings) as connection:
        for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
            assert connection.sql(f"SELECT current_setting('{name}')").fetchone() == (False,)
        # excel is an extension that is not installed: DuckDB would else fetch it
        with pytest.raises(duckdb.Error):
            connection.sql("SELECT * FROM read_xlsx('nowhere.xlsx')")


def test_dbts_database_neither_installs_nor_loads_an_extension_by_itself():
    profile = yaml.safe_load((DBT_PROJECT_DIR / "profiles.yml").read_text())["sen_oversight"]["outputs"]["warehouse"]
    assert profile["config_options"]["autoinstall_known_extensions"] is False
    assert profile["config_options"]["autoload_known_extensions"] is False
    assert "extensions" not in profile


def test_no_code_installs_an_extension_or_opens_a_database_of_its_own():
    assert len(CODE) > 100
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bINSTALL \w|install_extension|FORCE INSTALL", text), path
        # every connection is opened in one place, which turns fetching off
        assert "duckdb.connect(" not in text or path == PROJECT_DIR / "pipelines" / "warehouse.py", path


def test_dbt_needs_no_packages_and_reports_nothing():
    project = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())
    assert project["flags"]["send_anonymous_usage_stats"] is False
    assert not [name for name in ("packages.yml", "dependencies.yml") if (DBT_PROJECT_DIR / name).exists()]


def test_dagster_reports_nothing_and_asks_nobody_for_an_address(settings, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that it is as before when this ends
    prepare_dagster_home(settings)
    configuration = yaml.safe_load((settings.dagster_home / "dagster.yaml").read_text())
    assert configuration["telemetry"] == configuration["nux"] == {"enabled": False}
