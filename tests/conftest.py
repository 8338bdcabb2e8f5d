"""What every test starts from: a data folder of its own, and no settings of the person who runs it."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from pipelines.building.dbt_project import TARGET_DIR, manifest_path
from pipelines.settings import Settings, get_settings


def pytest_collection_modifyitems(items):
    """The long ones first: what begins last ends last, and the other worker would wait for it."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def leave_out_own_settings(environment: pytest.MonkeyPatch) -> None:
    """Take away the settings of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith("SEN_")]:
        environment.delenv(name)
    environment.setitem(Settings.model_config, "env_file", None)
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    leave_out_own_settings(monkeypatch)
    yield
    get_settings.cache_clear()


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """The settings of an empty data folder, and the environment that says the same."""
    monkeypatch.setenv("SEN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEN_PSEUDONYM_KEY", "the tests' own pseudonym key")
    return Settings()


@pytest.fixture(scope="session")
def parsed_project() -> Path:
    """dbt's target folder with the project parsed as it is now: by the first worker that needs it, for all."""
    TARGET_DIR.mkdir(exist_ok=True)
    with FileLock(TARGET_DIR / "parse.lock"):
        manifest_path(Settings(_env_file=None))
    return TARGET_DIR
