"""dbt's documentation in a real browser: what is in it, and that it asks nothing of any host."""

import shutil
import threading
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from pipelines.building.documentation import documentation_server, write_documentation

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(parsed_project, tmp_path_factory):
    """Where it is served; the warehouse that the environment names is not there, and none is made."""
    target = tmp_path_factory.mktemp("documentation")
    shutil.copy(parsed_project / "partial_parse.msgpack", target)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SEN_WAREHOUSE_PATH", str(target / "warehouse.duckdb"))
        page = write_documentation(target)
    assert not (target / "warehouse.duckdb").exists()
    with documentation_server(page, port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_it_names_the_models_and_who_reads_them_and_nothing_is_asked_of_any_host(address, browser):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/#!/model/model.sen_oversight.indicator_values")
    page.locator("h1", has_text="indicator_values").wait_for()
    page.get_by_text("applies_as", exact=True).first.wait_for()
    page.goto(f"{address}/#!/exposure/exposure.sen_oversight.support_cases_page")
    page.get_by_text("Pupils who make little or no progress").first.wait_for()
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(address).netloc}
    # what dbt Cloud's own pages ask of others could not be asked from here
    refused = page.evaluate(
        """() => new Promise(done => {
            document.addEventListener('securitypolicyviolation', event => done(event.blockedURI));
            document.body.appendChild(Object.assign(new Image(), {src: 'http://elsewhere.example/pixel'}));
        })"""
    )
    assert refused == "http://elsewhere.example/pixel"
    page.close()


def test_only_the_page_is_served(address):
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{address}/manifest.json")
