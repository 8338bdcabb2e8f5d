"""The pages without a browser: their figures are the snapshot's, and they say what they cannot show."""

import gc
import re
from pathlib import Path

import duckdb
import pytest
import streamlit.config
from streamlit.testing.v1 import AppTest

from dashboards.words import DASH, cases_no_longer_kept, short_key
from pipelines.publishing.snapshots import current_name
from pipelines.settings import Settings
from tests.dashboards import synthetic

APP = Path(__file__).parents[2] / "dashboards" / "app.py"
TITLES = {
    "overview": "Overview",
    "trends": "Trends",
    "needs": "Needs",
    "support_cases": "Support cases",
    "waiting_times": "Waiting times",
    "ehc_admissions": "EHC admissions",
    "spending": "SEN spending",
    "returns": "Returns and data quality",
    "explanations": "Explanations",
    "benchmarks": "Benchmarks",
    "check_a_return": "Check a return",
    "rules": "Rules",
}
PAGES = list(TITLES)


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch):
    # AppTest looks through every installed package for components of theirs: half a second a test, and there are none
    monkeypatch.setattr("streamlit.components.v2.manifest_scanner.scan_component_manifests", list)
    before = streamlit.config.get_option("server.address")
    streamlit.config.set_option("server.address", "127.0.0.1")
    yield
    streamlit.config.set_option("server.address", before)


def open_page(page: str = "overview", term: str | None = None, school: str | None = None, **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in {"term": term, "school": school, **query}.items():
        if value:
            app.query_params[name] = value
    app.run()
    if page != "overview":
        app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def text_of(app: AppTest) -> str:
    """Everything that the page says, markup taken out."""
    bodies = [element.proto.body for element in app.get("html")]
    bodies += [element.value for kind in ("markdown", "info", "error", "caption") for element in app.get(kind)]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(bodies)))


def tile(app: AppTest, name: str) -> str:
    """What one tile says."""
    for element in app.get("html"):
        for section in re.findall(r"<section.*?</section>", element.proto.body, re.S):
            if f'aria-label="{name}"' in section:
                return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section))
    raise AssertionError(f"no tile {name}")


def ask(data_folder: Path, sql: str):
    path = data_folder / "published" / current_name(Settings(_env_file=None, data_dir=data_folder))
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    "chosen",
    [{}, {"school": "100002"}, {"school": "100011"}, {"term": "2023-24-autumn"}],
    ids=["the LA", "a school", "a school that sent nothing", "the first term, with none before it"],
)
def test_every_page_runs(published, chosen):
    app = open_page(**chosen)
    for page in PAGES:
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, page
        assert app.title[0].value == TITLES[page]
        assert app.selectbox(key="term").value == chosen.get("term", "2025-26-summer")
        assert app.selectbox(key="school").value == chosen.get("school", "all")


def test_a_tile_shows_value_numbers_unknowns_interval_target_and_rating_of_the_snapshot(published):
    [(numerator, denominator, unknown, value, low, high, rag)] = ask(
        published,
        "select numerator, denominator, unknown, value, lower_95, upper_95, rag from marts.indicator_values_area "
        "where indicator_id = 'REV01' and area_type = 'la' and group_type = 'all' and term = '2025-26-summer'",
    )
    said = tile(open_page(), "Three reviews a year")
    assert f"{value:.1%}" in said
    assert f"{numerator} of {denominator}; {unknown} unknown" in said
    assert f"95% interval {low:.1%} to {high:.1%}; target 90%" in said
    assert rag.capitalize() in said


def test_a_tile_says_how_it_changed_and_whether_that_is_more_than_chance(published):
    # REV03 falls to 0.6 of itself in the last term; every other figure creeps
    app = open_page()
    assert "worse, clearly" in tile(app, "Parents included in the review")
    assert "within chance" in tile(app, "Three reviews a year")
    assert "Parents included in the review" in text_of(app).split("What changed")[0] + text_of(app)
    [(now, before)] = ask(
        published,
        "select max(value) filter (where term = '2025-26-summer'), max(value) filter (where term = '2025-26-spring') "
        "from marts.indicator_values_area where indicator_id = 'REV03' and area_type = 'la' and group_type = 'all'",
    )
    assert f"{before:.1%} to {now:.1%} (−{(before - now) * 100:.1f} points, worse)" in text_of(app)


def test_every_figure_has_definition_source_date_missing_schools_and_unknowns_one_click_away(published):
    said = tile(open_page(), "Three reviews a year")
    assert "About this figure" in said
    for part in (
        "at least three times a year",  # the duty
        "SEND Code of Practice (2015), 6.65",  # the source
        "7 Jul 2026 (Summer 2025-26)",  # the as-at date
        "2 schools: &lt;Larch&gt; School; Kapok School",  # who is missing, safe in markup
        "10 counted, 2 missing",
        "left out above and below the line",
    ):
        assert part in said, part


def test_what_is_red_is_listed_before_the_themes_the_widest_miss_first(published):
    [(red, first)] = ask(
        published,
        "select count(*), arg_max(name, v.target - value) filter (v.denominator > 1) from marts.indicator_values as v join marts.indicators on id = indicator_id "
        "where urn = '100002' and term = '2025-26-summer' and group_type = 'all' and v.rag = 'red'",
    )
    app = open_page(school="100002")
    said = text_of(app)
    assert f"What is red ({red})" in [header.value for header in app.header]
    assert (
        said.index(f"■ {first}") < said.index("Reviews and involvement") if "Reviews and involvement" in said else True
    )
    assert f"and {red - 10} more, in their themes below" in said


def test_a_theme_says_how_its_indicators_are_rated_before_it_is_opened(published):
    app = open_page()
    themes = {expander.label: expander for expander in app.expander}
    assert len(themes) == 6
    rated = ask(
        published,
        "select v.rag, count(*) from marts.indicator_values_area as v join marts.indicators on id = indicator_id "
        "where theme = 'EHC plans' and area_type = 'la' and term = '2025-26-summer' and group_type = 'all' group by all",
    )
    [label] = [label for label in themes if label.startswith("**EHC plans**")]
    for rag, count in rated:
        assert f"{count} {rag or 'not rated'}" in label
    assert "EHC01" in themes[label].get("html")[0].proto.body


def test_every_page_says_the_as_at_date_and_who_is_missing_from_its_figures(published):
    app = open_page()
    for page in PAGES:
        app.switch_page(f"pages/{page}.py").run()
        assert (
            "As at 7 Jul 2026; 2 schools are missing from the LA&#x27;s figures: &lt;Larch&gt; School; Kapok School"
            in text_of(app)
        )


def test_who_is_missing_says_for_how_many_terms(published):
    said = text_of(open_page())
    assert "Missing &lt;Larch&gt; School All-through 2 terms running" in said
    assert "Rejected Kapok School" in said
    assert "10 of 12" in said


def test_schools_to_ring_are_ordered_by_points_that_can_be_added_up_again(published):
    app = open_page()
    cards = [e.proto.body for e in app.get("html") if 'class="card"' in e.proto.body]
    points = [int(re.search(r"(\d+) points?", card).group(1)) for card in cards]
    assert len(cards) == 10
    assert points == sorted(points, reverse=True)
    # Cedar (100002): three cases of which one unmet (2 points), progress of one pupil not known (1 point), more than
    # four reds (12 points at most)
    cedar = next(card for card in cards if "Cedar" in card)
    assert "15 points" in cedar
    assert "1 pupil needing a specialist and none involved, for 172 days" in cedar
    assert "Progress not known for 1 pupil" in cedar


def test_a_school_name_cannot_smuggle_markup_into_the_page(published):
    assert not any("<Larch>" in element.proto.body for element in open_page().get("html"))


def test_the_address_names_term_and_school_and_an_unknown_one_falls_back(published):
    app = open_page(term="2024-25-spring", school="100004")
    assert app.query_params["term"] == "2024-25-spring"
    assert app.query_params["school"] == "100004"
    assert open_page(term="1999-00-autumn", school="nobody").selectbox(key="term").value == "2025-26-summer"


def test_the_chosen_term_survives_a_change_of_page_and_is_written_again(published):
    app = open_page(term="2024-25-spring", school="100004")
    app.query_params.clear()  # as navigation does
    app.switch_page("pages/returns.py").run()
    assert app.selectbox(key="term").value == "2024-25-spring"
    assert app.query_params["term"] == "2024-25-spring"
    assert app.query_params["school"] == "100004"


def test_trends_table_holds_the_figures_of_the_snapshot_and_gaps_where_a_school_sent_nothing(published):
    app = open_page("trends", school="100011", indicator="REV01")
    values = app.dataframe[0].value
    # school 11 sends nothing in the last two of nine terms
    assert values["Value"].isna().tolist() == [False] * 7 + [True] * 2
    [(numerator, denominator, value)] = ask(
        published,
        "select numerator, denominator, value from marts.indicator_values where indicator_id = 'REV01' "
        "and urn = '100011' and group_type = 'all' and term = '2023-24-autumn'",
    )
    assert values["Value"][0] == pytest.approx(100 * value)
    assert values["Number"][0] == f"{numerator} of {denominator}"


def test_a_schools_figure_leads_to_the_units_that_it_is_made_of(published):
    app = open_page("trends", school="100000", indicator="NPR05")
    assert any("is made of" in header.value for header in app.header)
    units = app.dataframe[-1].value
    assert units.to_dict("records") == [{"Pupil": short_key("k"), "In the numerator": "Yes"}]


def test_trends_of_the_la_has_run_chart_phases_and_funnel_each_described_in_words(published):
    app = open_page("trends", indicator="REV01")
    charts = app.get("vega_lite_chart")
    assert len(charts) == 3
    assert all('"description"' in chart.proto.spec for chart in charts)
    assert "Three reviews a year: 79.5% in Summer 2025-26" in text_of(app)


def test_aggregates_alone_are_offered_for_download(published):
    app = open_page(indicator="REV01")
    offered = {}
    for page in PAGES:
        app.switch_page(f"pages/{page}.py").run()
        offered[page] = len(app.get("download_button"))
    assert offered == dict.fromkeys(PAGES, 0) | dict.fromkeys(("trends", "needs", "waiting_times", "spending"), 1)


def test_support_cases_are_unmet_first_longest_first_and_under_short_pseudonyms(published):
    app = open_page("support_cases")
    shown = app.dataframe[0].value
    [(unmet,)] = ask(published, "select count(*) from marts.support_cases where term = '2025-26-summer' and not is_met")
    assert len(shown) == unmet
    waited = shown["Days without"].dropna().tolist()
    assert waited == sorted(waited, reverse=True)
    assert shown["Pupil"].str.len().max() == 8
    app.toggle(key="cases_unmet").set_value(False).run()
    [(every,)] = ask(published, "select count(*) from marts.support_cases where term = '2025-26-summer'")
    assert len(app.dataframe[0].value) == every


def test_support_cases_filter_by_standing_and_school(published):
    app = open_page("support_cases", school="100003")
    assert set(app.dataframe[0].value["School"]) == {"Damson & Sons School"}
    app.toggle(key="cases_unmet").set_value(False).run()
    app.multiselect(key="cases_standing_word").select("Waiting for a first contact").run()
    assert set(app.dataframe[0].value["Standing"]) == {"Waiting for a first contact"}


@pytest.fixture
def with_closed_terms(tmp_path, monkeypatch) -> Path:
    """A snapshot whose first year is closed: its figures stand, its cases are no longer kept."""
    synthetic.write_snapshot(Settings(_env_file=None, data_dir=tmp_path), closed=3)
    monkeypatch.setenv("SEN_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("page", ["overview", "support_cases", "ehc_admissions", "trends"])
def test_a_term_whose_cases_are_no_longer_kept_says_so_and_never_that_there_are_none(with_closed_terms, page):
    closed = open_page(page, term="2023-24-summer", school="100003", indicator="NPR05")
    assert text_of(closed).count(cases_no_longer_kept("2023-24-summer")) == 1
    assert not re.search(r"No case|No EHC plan|No reason to ring|nobody is kept waiting", text_of(closed))
    still_kept = open_page(page, term="2024-25-autumn", school="100003", indicator="NPR05")
    assert "The cases of Autumn 2024-25" not in text_of(still_kept)


def test_cases_that_are_no_longer_kept_are_no_number_and_nothing_to_compare_with(with_closed_terms):
    names = ("Pupils without a specialist", "Progress not known", "EHC admissions due and not made")
    for name in names:
        assert f"{name} {DASH} its cases are no longer kept" in tile(open_page(term="2023-24-summer"), name)
    first_kept = open_page(term="2024-25-autumn")
    for name in names:
        assert "the cases of Summer 2023-24 are no longer kept" in tile(first_kept, name)
        assert " new" not in tile(first_kept, name)
    assert " new" not in tile(open_page("ehc_admissions", term="2024-25-autumn"), "Due and not admitted")


def test_admissions_not_made_are_what_ehc02_counts(published):
    [(not_made,)] = ask(
        published,
        "select count(*) from marts.ehc_admissions where term = '2025-26-summer' "
        "and standing in ('due_and_not_admitted', 'named_by_la_absent_from_return') and urn <> '100006'",
    )
    assert f" {not_made} " in tile(open_page("ehc_admissions"), "Due and not admitted")
    assert f" {not_made} " in tile(open_page(), "EHC admissions due and not made")


def test_admissions_list_every_plan_the_latest_first(published):
    shown = open_page("ehc_admissions").dataframe[0].value
    assert len(shown) == 36  # three plans of each of 12 schools
    late = shown["Days late"].dropna().tolist()
    assert late == sorted(late, reverse=True)
    assert set(shown[shown["School"] == "<Larch> School"]["Reason given"]) == {"No return"}


def test_returns_add_up_and_name_the_commonest_rules(published):
    app = open_page("returns")
    # the rows of ten used returns: schools 0 to 9 received 100 + n, of which n are not counted
    assert "1,000 of 1,045 received" in tile(app, "Rows accepted")
    assert "45 4.31% of 1,045 received" in tile(app, "Rows not counted")
    schools, issues = (app.dataframe[n].value for n in range(2))
    assert len(schools) == 12
    assert schools["Status"][0] == "■ Missing"
    assert set(issues[issues["Rule"] == "COL02"]["Field"]) == {"not a field of the return"}
    [(errors, queries)] = ask(
        published, "select sum(errors), sum(queries) from marts.returns where term = '2025-26-summer'"
    )
    assert len(issues) == errors + queries
    [(rule, most)] = ask(
        published,
        "select rule_code, count(*) as n from marts.issues where term = '2025-26-summer' group by all order by n desc, 1 limit 1",
    )
    assert f"What is wrong, and what to do {rule}" in text_of(app)
    assert re.search(rf"{rule} \w+ {most} ", text_of(app))
    assert "SEN return from us.xlsx : We cannot tell which school" in text_of(app)
    assert f"{errors} + {queries}" in tile(app, "Open errors and queries")


def test_without_a_snapshot_the_page_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("SEN_DATA_DIR", str(tmp_path))
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert app.title[0].value == "Nothing has been published yet"
    assert "sen demo" in text_of(app)


@pytest.mark.parametrize("address", [None, "0.0.0.0", "192.168.1.4", "example.org"])
def test_the_pages_refuse_to_be_shown_where_others_could_reach_them(published, address):
    streamlit.config.set_option("server.address", address)
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert app.title[0].value == "Not served here"
    assert "sen dashboard" in text_of(app)
    assert not app.get("selectbox")


def test_a_new_snapshot_is_shown_on_the_next_run_and_the_one_before_the_last_is_closed(tmp_path, monkeypatch):
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    monkeypatch.setenv("SEN_DATA_DIR", str(settings.data_dir))
    names = [synthetic.write_snapshot(settings, drop_last=3)]
    app = AppTest.from_file(str(APP), default_timeout=60)
    for drop, newest in ((3, "Summer 2024-25"), (2, "Autumn 2025-26"), (1, "Spring 2025-26")):
        names.append(synthetic.write_snapshot(settings, drop_last=drop))
        app.run()
        assert not app.exception
        assert app.selectbox(key="term").options[0] == newest
    if Path("/proc/self/fd").is_dir():
        gc.collect()
        held = {fd.readlink().name for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}
        assert names[3] in held
        assert names[1] not in held


def test_no_page_names_the_restricted_snapshot():
    for path in APP.parent.rglob("*.py"):
        assert "restricted" not in path.read_text(), path


def test_what_could_not_be_taken_from_the_las_own_files_is_said(published):
    said = text_of(open_page("returns"))
    assert "ehc_plans.csv 40 rows, in use since" in said
    assert "Row 7: named_date cannot be read. 1 row is left out." in said


def test_a_restated_figure_is_shown_as_it_was_published_and_as_it_is_since(published):
    app = open_page("restatements")
    rows = app.dataframe[0].value.to_dict("records")
    assert [(row["Published before"], row["Since"], row["Because"]) for row in rows] == [
        ("50.0% (40 of 80)", "53.3% (48 of 90)", "Another return that it rests on changed"),
        ("60.0% (6 of 10)", "90.0% (9 of 10)", "The school sent its return again"),
        ("not published", "50.0% (5 of 10)", "The school's return came after the deadline"),
    ]
    of_school = open_page("restatements", school="100000")
    assert [row["Since"] for row in of_school.dataframe[0].value.to_dict("records")] == ["90.0% (9 of 10)"]


def test_a_term_without_a_restated_figure_says_so(published):
    assert "No published figure of this term has changed" in text_of(open_page("restatements", term="2023-24-autumn"))
