"""What every test starts from: a data folder of its own, and no settings of the person who runs it."""

import os

import pytest

from pipelines.settings import Settings, get_settings


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """The settings of an empty data folder, and the environment that says the same."""
    monkeypatch.setenv("SEN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEN_PSEUDONYM_KEY", "the tests' own pseudonym key")
    return Settings()
