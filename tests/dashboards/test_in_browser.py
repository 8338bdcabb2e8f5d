"""Every page in a real browser, at a desk and on a telephone."""

from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from pipelines.settings import Settings
from tests.dashboards import synthetic
from tests.dashboards.test_pages import TITLES

pytestmark = pytest.mark.browser

SIZES = {"desk": (1440, 900), "telephone": (390, 844)}
TALL = 9000  # Streamlit scrolls inside its main part, and axe sees only what is visible
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
SPOKEN = ("2024-25-spring", "100004")


class Visit:
    """A page of the browser that remembers where its requests went."""

    def __init__(self, browser, base: str, size: str):
        width, height = SIZES[size]
        self.base, self.width = base, width
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.hosts: set[str] = set()
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))
        self.page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).hostname))

    def open(self, page: str = "overview", query: str = "") -> None:
        self.page.goto(f"{self.base}/{'' if page == 'overview' else page}?{query}")
        self.settled(TITLES[page])

    def settled(self, title: str) -> None:
        """Wait until the page is there and nothing moves any more."""
        self.page.get_by_role("heading", level=1, name=title, exact=True).wait_for(timeout=60_000)
        self.page.wait_for_function(
            "!document.querySelector('[data-testid=stSkeleton], [data-testid=stStatusWidget], [data-stale=true]')"
            " && document.querySelector('details.about')",
            timeout=60_000,
        )

    def violations(self) -> list:
        self.page.set_viewport_size({"width": self.width, "height": TALL})
        self.page.wait_for_timeout(300)
        return Axe().run(self.page, options=RULES).response["violations"]

    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.page.url).query)


@pytest.fixture
def visit(browser, served):
    opened = []

    def new(size: str = "desk") -> Visit:
        opened.append(Visit(browser, served[0], size))
        return opened[-1]

    yield new
    for one in opened:
        one.context.close()


def test_the_first_visitor_of_a_server_may_open_a_page_by_its_own_address(visit):
    # the first test of the file: Streamlit treats a folder named pages differently until the frame has run once
    one = visit()
    one.open("trends", "indicator=REV03")
    assert one.page.get_by_text("REV03 Parents included in the review").count()


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_whole_accessible_and_asks_nobody_outside(visit, size):
    one = visit(size)
    for page in TITLES:
        one.open(page)
        assert one.page.locator("[data-testid=stException]").count() == 0, page
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page} is too wide"
        found = one.violations()
        assert not found, (page, [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found])
        one.page.set_viewport_size({"width": one.width, "height": SIZES[size][1]})
    assert one.hosts == {"127.0.0.1"}


def test_the_accessibility_check_finds_a_defect_that_was_planted(visit):
    one = visit()
    one.open("returns")
    one.page.evaluate(
        "document.querySelector('[data-testid=stMainBlockContainer]').insertAdjacentHTML('afterbegin',"
        ' \'<p style="color:#bbb;background:#fff">too pale to read</p><img src="data:,">\')'
    )
    assert {"color-contrast", "image-alt"} <= {violation["id"] for violation in one.violations()}


@pytest.mark.parametrize("size", SIZES)
def test_term_and_school_survive_a_walk_through_every_page(visit, size):
    term, school = SPOKEN
    one = visit(size)
    one.open(query=f"term={term}&school={school}")
    for title in list(TITLES.values())[1:]:
        if size == "telephone":
            one.page.get_by_test_id("stExpandSidebarButton").click()
        one.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
        one.settled(title)
        one.page.wait_for_url(f"**term={term}**", timeout=30_000)
        assert one.query()["term"] == [term]
        assert one.query()["school"] == [school]
        assert one.page.get_by_text("Spring 2024-25", exact=True).first.is_visible()


def test_going_back_brings_back_the_term_of_then(visit):
    one = visit()
    one.open("returns", "term=2024-25-spring")
    one.page.get_by_role("combobox", name="Term").click()
    one.page.get_by_role("option", name="Autumn 2024-25").click()
    one.page.wait_for_url("**term=2024-25-autumn**", timeout=30_000)
    one.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Support cases").click()
    one.settled("Support cases")
    one.page.wait_for_url("**term=2024-25-autumn**", timeout=30_000)


def test_about_this_figure_opens_on_a_click_and_leads_to_the_terms_of_that_indicator(visit):
    one = visit()
    one.open(query="term=2025-26-autumn")
    tile = one.page.get_by_role("region", name="Review on the agreed date")
    assert not tile.get_by_text("SEND Code of Practice").is_visible()
    tile.get_by_text("About this figure").click()
    assert tile.get_by_text("SEND Code of Practice").is_visible()
    tile.get_by_role("link", name="Over the terms").click()
    one.settled("Trends")
    assert one.page.get_by_text("REV02 Review on the agreed date").count()
    assert one.query()["term"] == ["2025-26-autumn"]


def test_a_reason_to_ring_leads_to_the_rows_behind_it(visit):
    one = visit()
    one.open()
    one.page.get_by_role("link", name="The return").first.click()
    one.settled("Returns and data quality")
    one.page.wait_for_url("**school=1000**", timeout=30_000)
    assert one.page.get_by_text("This school's return").is_visible()


def test_rows_about_a_pupil_have_no_button_that_saves_them(visit):
    one = visit()
    for page, rows_about_pupils in (("support_cases", True), ("ehc_admissions", True), ("returns", False)):
        one.open(page)
        grid = one.page.get_by_test_id("stDataFrame").first
        grid.hover()
        assert grid.locator("xpath=ancestor::*[contains(@class, 'st-key-pupil_rows')]").count() == rows_about_pupils
        assert one.page.get_by_test_id("stElementToolbar").first.is_visible() != rows_about_pupils


def test_a_new_snapshot_is_picked_up_without_a_restart(visit, served):
    # the last test of the file: it publishes the last term
    one = visit()
    one.open()
    assert one.page.get_by_text("Spring 2025-26", exact=True).first.is_visible()
    synthetic.write_snapshot(Settings(_env_file=None, data_dir=served[1], la_name="Synthetic Council"))
    one.open()
    assert one.page.get_by_text("Summer 2025-26", exact=True).first.is_visible()
