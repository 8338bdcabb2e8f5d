"""dbt over a warehouse that a test has filled."""

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from pipelines.building.dbt_project import dbt_environment, dbt_executable
from pipelines.settings import DBT_PROJECT_DIR, Settings


@pytest.fixture(scope="session")
def build(parsed_project) -> Callable[..., None]:
    """build(settings, *arguments, unit_tests=False): `dbt build`; what fails in it fails the test."""

    def run(settings: Settings, *arguments: str, unit_tests: bool = False) -> None:
        target = settings.data_dir / "target"
        target.mkdir()
        if not unit_tests:
            # what is parsed already is not parsed again; but a unit test may then hold to models that are gone
            shutil.copy(parsed_project / "partial_parse.msgpack", target)
            arguments = ("--exclude-resource-type", "unit_test", *arguments)
        command = [dbt_executable(), "build", "--project-dir", str(DBT_PROJECT_DIR), "--target-path", str(target)]
        with dbt_environment(settings):
            built = subprocess.run(
                [*command, *arguments],
                env={**os.environ, "DBT_LOG_PATH": str(target)},
                capture_output=True,
                text=True,
            )
        assert built.returncode == 0, built.stdout[-5000:]

    return run
