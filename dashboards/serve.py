"""Start the dashboards on this computer, and on no other address until there is sign-in."""

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT_DIR, Settings, get_settings

APP = Path(__file__).resolve().parent / "app.py"
CONFIG = PROJECT_DIR / ".streamlit" / "config.toml"


def is_loopback(address: str | None) -> bool:
    """Whether an address is reached from this computer alone; none at all means every address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "0.0.0.0").is_loopback
    except ValueError:
        return False


def serve(settings: Settings, port: int = 8501, address: str = "127.0.0.1", open_browser: bool = True) -> None:
    """Serve the pages until interrupted. Raises ValueError for an address that others could reach."""
    if not is_loopback(address):
        raise ValueError(
            f"The dashboards have no sign-in yet, so they are served on this computer alone: {address} is refused. "
            "Use 127.0.0.1."
        )
    # the script that Streamlit runs reads its settings from the environment
    os.environ["SEN_DATA_DIR"] = str(settings.data_dir.resolve())
    if settings.warehouse_key:
        os.environ["SEN_WAREHOUSE_KEY"] = settings.warehouse_key.get_secret_value()
    get_settings.cache_clear()

    # imported before the server starts, or the first visitor waits for them
    import altair  # noqa: F401
    import duckdb  # noqa: F401
    import polars  # noqa: F401
    from streamlit.web import bootstrap

    options = streamlit_options() | {
        "server_address": address,
        "server_port": port,
        "server_headless": not open_browser,
    }
    bootstrap.load_config_options(options)
    print(
        f"SEN Oversight is on http://{'localhost' if address == '127.0.0.1' else address}:{port}  (Ctrl+C ends it)",
        flush=True,
    )
    bootstrap.run(str(APP), False, [], options)


def streamlit_options() -> dict[str, Any]:
    """The project's Streamlit configuration as options, so that it holds wherever the command is run from."""
    sections = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    return {f"{section}_{name}": value for section, names in sections.items() for name, value in names.items()}
