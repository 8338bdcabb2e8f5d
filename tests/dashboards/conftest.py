"""A synthetic snapshot for the pages, a server on it and a browser; one of each for all tests."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipelines.settings import Settings
from tests.dashboards import synthetic

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def make_data_folder(folder: Path, **options) -> Path:
    synthetic.write_snapshot(Settings(_env_file=None, data_dir=folder, la_name="Synthetic Council"), **options)
    return folder


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """A data folder with one published snapshot; nobody writes to it."""
    return make_data_folder(tmp_path_factory.mktemp("published") / "data")


@pytest.fixture
def published(data_folder, monkeypatch) -> Path:
    """The synthetic snapshot as the one that the pages open."""
    monkeypatch.setenv("SEN_DATA_DIR", str(data_folder))
    return data_folder


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> tuple[str, Path]:
    """Address of a server as `sen dashboard` starts it, and its data folder, whose snapshot lacks the last term."""
    folder = make_data_folder(tmp_path_factory.mktemp("served") / "data", drop_last=1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = (
        "from pipelines.settings import Settings; from dashboards.serve import serve; from pathlib import Path; "
        f"serve(Settings(_env_file=None, data_dir=Path({str(folder)!r})), port={port}, open_browser=False)"
    )
    log = folder.parent / "server.log"
    with log.open("w") as out:
        # from elsewhere: the configuration must hold wherever the command is run from
        server = subprocess.Popen([sys.executable, "-c", start], stdout=out, stderr=out, cwd=folder.parent)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield f"http://127.0.0.1:{port}", folder
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and server.poll() is None:
        try:
            with urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the dashboards did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; where it is missing the tests are skipped, but in CI they fail."""
    if not CHROMIUM.exists():
        reason = f"no browser at {CHROMIUM}: install Debian's chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()
