"""dbt's documentation of the models as one file, and its server on this computer; nothing of the warehouse is needed."""

import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pipelines.building.dbt_project import TARGET_DIR, dbt_executable
from pipelines.settings import DBT_PROJECT_DIR

# the page has its own scripts and pictures in it; that it counts visits, where dbt Cloud serves it, is not left to it
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; base-uri 'none'; form-action 'none'"
)


class DocumentationError(Exception):
    """dbt could not write its documentation."""


def write_documentation(target: Path = TARGET_DIR) -> Path:
    """Models, columns, tests, lineage and who reads them, as one HTML file (in dbt's folder) that asks nothing of any host.

    dbt compiles against an empty database in memory: what columns are of is said by the models' own descriptions.
    Raises DocumentationError.
    """
    # without SEN_WAREHOUSE_PATH profiles.yml attaches none
    environment = {name: value for name, value in os.environ.items() if name != "SEN_WAREHOUSE_PATH"}
    environment |= {
        "DBT_PROFILES_DIR": str(DBT_PROJECT_DIR),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_PATH": str(target),
    }
    command = [dbt_executable(), "docs", "generate", "--static", "--empty-catalog"]
    command += ["--project-dir", str(DBT_PROJECT_DIR), "--target-path", str(target)]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    page = target / "static_index.html"
    if made.returncode or not page.is_file():
        raise DocumentationError(f"dbt could not write its documentation:\n{made.stdout[-3000:]}{made.stderr[-1000:]}")
    html = page.read_text(encoding="utf-8")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    fresh = page.with_name("documentation.new")
    fresh.write_text(html.replace("<head>", f"<head>{policy}", 1), encoding="utf-8")
    return fresh.replace(page.with_name("documentation.html"))


def documentation_server(page: Path, port: int) -> ThreadingHTTPServer:
    """A server of the page on this computer alone; port 0: any that is free. The caller serves and closes it."""
    content = page.read_bytes()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The page, whatever is asked for but what a browser asks of itself."""
            found = self.path.split("?")[0] in ("/", "/index.html")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            if found:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """No line a request."""

    return ThreadingHTTPServer(("127.0.0.1", port), Page)
