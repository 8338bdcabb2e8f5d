"""Every page in a real browser, at a desk and on a telephone."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from pipelines.settings import Settings
from tests.dashboards import synthetic
from tests.dashboards.test_pages import TITLES

pytestmark = pytest.mark.browser

SIZES = {"desk": (1440, 900), "telephone": (390, 844)}
TALL = 9000  # Streamlit scrolls inside its main part, and axe sees only what is visible
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
PATIENCE = 60_000
TERM = "2024-25-spring"


@dataclass
class Seen:
    """What a visitor of a page found there."""

    exceptions: int
    too_wide: bool
    violations: list
    query: dict[str, list[str]]
    term: str
    pupil_rows: int
    save_buttons: int


@dataclass
class Walk:
    """One visitor's walk through every page, by the links above each."""

    pages: dict[str, Seen] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)


def settled(page: Page, title: str) -> None:
    """Wait until the page is there and nothing moves any more."""
    page.get_by_role("heading", level=1, name=title, exact=True).wait_for(timeout=PATIENCE)
    page.wait_for_function(
        "!document.querySelector('[data-testid=stSkeleton], [data-testid=stStatusWidget], [data-stale=true]')"
        " && document.querySelector('details.about')",
        timeout=PATIENCE,
    )


def term_box(page: Page):
    return page.get_by_role("combobox", name="Term")


def violations(page: Page) -> list[tuple[str, list[str]]]:
    size = page.viewport_size
    page.set_viewport_size({"width": size["width"], "height": TALL})
    # what is folded away is part of the page
    page.evaluate("document.querySelectorAll('.st-key-themes details').forEach(theme => theme.open = true)")
    page.wait_for_timeout(300)
    found = Axe().run(page, options=RULES).response["violations"]
    page.set_viewport_size(size)
    return [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def look_at(page: Page) -> Seen:
    found = violations(page)
    rows_of_pupils = page.locator(".st-key-pupil_rows").count()
    grids = page.get_by_test_id("stDataFrame")
    if grids.count() and page.viewport_size["width"] > 1000:  # a telephone has no pointer
        grids.first.hover()
    toolbars = page.locator(".st-key-pupil_rows" if rows_of_pupils else "body").get_by_test_id("stElementToolbar")
    return Seen(
        exceptions=page.locator("[data-testid=stException]").count(),
        too_wide=page.evaluate("document.documentElement.scrollWidth > innerWidth"),
        violations=found,
        query=query(page),
        term=term_box(page).input_value(),
        pupil_rows=rows_of_pupils,
        save_buttons=sum(bar.is_visible() for bar in toolbars.all()),
    )


@pytest.fixture(scope="module")
def contexts(browser):
    """A browser window of each size, shared, so that what was fetched once is not fetched again."""
    made = {
        name: browser.new_context(viewport={"width": width, "height": height})
        for name, (width, height) in SIZES.items()
    }
    yield made
    for context in made.values():
        context.close()


@pytest.fixture
def page(contexts):
    fresh = contexts["desk"].new_page()
    yield fresh
    fresh.close()


def test_the_first_visitor_of_a_server_may_open_a_page_by_its_own_address(page, served):
    # the first test of the file: Streamlit treats a folder named pages differently until the frame has run once
    page.goto(f"{served[0]}/trends?indicator=REV03")
    settled(page, "Trends")
    expect(page.get_by_role("combobox", name="Indicator")).to_have_value("REV03 Parents included in the review")


@pytest.fixture(scope="module")
def walks(contexts, served):
    walked = {}
    for size, context in contexts.items():
        walk, page = Walk(), context.new_page()
        page.on("request", lambda request, walk=walk: walk.hosts.add(urlsplit(request.url).hostname))
        page.on("websocket", lambda socket, walk=walk: walk.hosts.add(urlsplit(socket.url).hostname))
        page.goto(f"{served[0]}/?term={TERM}")
        for name, title in TITLES.items():
            if name != "overview":
                page.locator(".st-key-links").get_by_role("link", name=title).click()
            settled(page, title)
            page.wait_for_url("**school=**", timeout=PATIENCE)  # written again after the navigation
            walk.pages[name] = look_at(page)
        page.close()
        walked[size] = walk
    return walked


@pytest.mark.parametrize("size", SIZES)
class TestEveryPage:
    def test_shows_no_error(self, walks, size):
        assert {name: seen.exceptions for name, seen in walks[size].pages.items()} == dict.fromkeys(TITLES, 0)

    def test_is_no_wider_than_the_screen(self, walks, size):
        assert not [name for name, seen in walks[size].pages.items() if seen.too_wide]

    def test_has_no_accessibility_violation(self, walks, size):
        assert {name: seen.violations for name, seen in walks[size].pages.items()} == {name: [] for name in TITLES}

    def test_asks_nobody_outside(self, walks, size):
        assert walks[size].hosts == {"127.0.0.1"}

    def test_keeps_the_term_in_its_address_and_its_selector(self, walks, size):
        assert {seen.query["term"][0] for seen in walks[size].pages.values()} == {TERM}
        assert {seen.term for seen in walks[size].pages.values()} == {"Spring 2024-25"}

    def test_has_no_button_that_saves_rows_about_pupils(self, walks, size):
        pages = walks[size].pages
        assert [name for name, seen in pages.items() if seen.pupil_rows] == ["support_cases", "ehc_admissions"]
        assert pages["support_cases"].save_buttons == pages["ehc_admissions"].save_buttons == 0
        if size == "desk":
            assert pages["returns"].save_buttons > 0


def test_the_accessibility_check_finds_a_defect_that_was_planted(page, served):
    page.goto(f"{served[0]}/support_cases")
    settled(page, "Support cases")
    page.evaluate(
        "document.querySelector('[data-testid=stMainBlockContainer]').insertAdjacentHTML('afterbegin',"
        ' \'<p style="color:#bbb;background:#fff">too pale to read</p><img src="data:,">\')'
    )
    assert {"color-contrast", "image-alt"} <= {rule for rule, _ in violations(page)}


def test_a_dropped_file_is_checked_at_once_and_what_stops_the_check_is_said(page, served):
    # there is no list of schools in this data folder
    page.goto(f"{served[0]}/check_a_return")
    settled(page, "Check a return")
    page.set_input_files("input[type=file]", {"name": "return.xlsx", "mimeType": "", "buffer": b"not a workbook"})
    expect(page.get_by_role("alert")).to_contain_text("edubasealldata", timeout=PATIENCE)
    assert violations(page) == []


def test_a_chosen_term_is_in_the_address_and_back_brings_it_back(page, served):
    page.goto(f"{served[0]}/returns?term={TERM}")
    settled(page, "Returns and data quality")
    term_box(page).click()
    page.get_by_role("option", name="Autumn 2024-25").click()
    page.wait_for_url("**term=2024-25-autumn**", timeout=PATIENCE)
    page.locator(".st-key-links").get_by_role("link", name="Support cases").click()
    settled(page, "Support cases")
    page.wait_for_url("**term=2024-25-autumn**", timeout=PATIENCE)
    page.go_back()
    settled(page, "Returns and data quality")
    expect(term_box(page)).to_have_value("Autumn 2024-25")
    page.go_back()
    expect(term_box(page)).to_have_value("Spring 2024-25", timeout=PATIENCE)


def follow(page, link, address: str) -> None:
    """Click a link; once more where the page was drawn anew under the click."""
    for patience in (PATIENCE / 4, PATIENCE):
        link.click()
        try:
            page.wait_for_url(address, timeout=patience)
        except PlaywrightTimeout:
            if patience == PATIENCE:
                raise
        else:
            return


def test_about_this_figure_opens_on_a_click_and_leads_to_the_terms_of_that_indicator(page, served):
    page.goto(f"{served[0]}/?term=2025-26-autumn")
    settled(page, "Overview")
    page.get_by_text("Reviews and involvement").click()
    tile = page.get_by_role("region", name="Review on the agreed date")
    assert not tile.get_by_text("SEND Code of Practice").is_visible()
    tile.get_by_text("About this figure").click()
    assert tile.get_by_text("SEND Code of Practice").is_visible()
    follow(page, tile.get_by_role("link", name="Over the terms"), "**/trends?**")
    settled(page, "Trends")
    expect(page.get_by_role("combobox", name="Indicator")).to_have_value("REV02 Review on the agreed date")
    assert query(page)["term"] == ["2025-26-autumn"]


def test_a_reason_to_ring_leads_to_the_rows_behind_it_and_a_new_snapshot_needs_no_restart(page, served):
    # the last test of the file: it publishes the last term
    page.goto(served[0])
    settled(page, "Overview")
    expect(term_box(page)).to_have_value("Spring 2025-26")
    synthetic.write_snapshot(Settings(_env_file=None, data_dir=served[1], la_name="Synthetic Council"))
    page.get_by_role("link", name="The return").first.click()
    settled(page, "Returns and data quality")
    page.wait_for_url("**school=1000**", timeout=PATIENCE)
    expect(page.get_by_role("heading", name="This school's return")).to_be_visible()
    expect(term_box(page)).to_have_value("Spring 2025-26")  # as chosen
    term_box(page).click()
    expect(page.get_by_role("option", name="Summer 2025-26")).to_be_visible()
