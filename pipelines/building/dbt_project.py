"""How dbt is found, told of the warehouse, and parsed when its project changed."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pipelines.fingerprints import files_fingerprint
from pipelines.settings import DBT_PROJECT_DIR, Settings

TARGET_DIR = DBT_PROJECT_DIR / "target"
# a unit test is for the project's own tests, and who reads the models is nothing to build
BUILD = ("build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure")
PARSED = ("models", "seeds", "macros", "tests")


def target_of_runs(settings: Settings) -> Path:
    """Where dbt writes in a run: one folder for all runs, which else leave ten megabytes each in the project.

    dbt keeps there where the project lies, so that a project elsewhere (a new installation on the same data) has its own.
    """
    project = hashlib.sha256(str(DBT_PROJECT_DIR).encode()).hexdigest()[:8]
    return settings.dagster_home.resolve() / "dbt" / project


def dbt_executable() -> str:
    """The dbt beside this Python, whatever the PATH says."""
    beside = shutil.which("dbt", path=str(Path(sys.executable).parent))
    return beside or "dbt"


@contextlib.contextmanager
def dbt_environment(settings: Settings, warehouse: Path | None = None) -> Iterator[None]:
    """The environment that profiles.yml and the models read, for as long as dbt runs; `warehouse`: another than in force."""
    ours = {
        "SEN_WAREHOUSE_PATH": str((warehouse or settings.warehouse_path).resolve()),
        "SEN_LA_CODE": settings.la_code,
        "SEN_MINIMUM_UNITS": str(settings.minimum_units),
        "DBT_PROFILES_DIR": str(DBT_PROJECT_DIR),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    if settings.warehouse_key:
        # the prefix keeps the key out of dbt's log
        ours["DBT_ENV_SECRET_WAREHOUSE_KEY"] = settings.warehouse_key.get_secret_value()
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@lru_cache(maxsize=1)
def manifest_path(settings: Settings) -> Path:
    """The project's manifest; parsed anew where there is none or the project has changed since."""
    manifest = TARGET_DIR / "manifest.json"
    stamp = TARGET_DIR / "parsed.sha256"
    fingerprint = _project_fingerprint()
    if not manifest.is_file() or not stamp.is_file() or stamp.read_text() != fingerprint:
        with dbt_environment(settings):
            parsed = subprocess.run(
                [dbt_executable(), "parse", "--project-dir", str(DBT_PROJECT_DIR), "--target-path", str(TARGET_DIR)],
                capture_output=True,
                text=True,
                check=False,
            )
        if parsed.returncode:
            raise RuntimeError(f"dbt could not read its project:\n{parsed.stdout[-3000:]}{parsed.stderr[-1000:]}")
        stamp.write_text(fingerprint)
    return manifest


def _project_fingerprint() -> str:
    files = [DBT_PROJECT_DIR / "dbt_project.yml", DBT_PROJECT_DIR / "profiles.yml"]
    files += [path for folder in PARSED for path in (DBT_PROJECT_DIR / folder).rglob("*") if path.is_file()]
    return files_fingerprint(files)
