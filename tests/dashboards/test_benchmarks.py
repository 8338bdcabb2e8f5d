"""The page Benchmarks: DfE's figures beside each other, with the release's own words."""

import duckdb

from pipelines.publishing.snapshots import current_name
from pipelines.settings import Settings
from tests.dashboards import conftest, synthetic
from tests.dashboards.test_pages import on_loopback, open_page, text_of, tile  # noqa: F401


def cells(app, alt: str):
    """The rows of a table, told by what it is of; found by one of its columns."""
    return next(frame.value for frame in app.dataframe if alt in frame.value.columns)


def test_the_la_stands_beside_its_region_its_neighbours_and_england(published):
    app = open_page("benchmarks", measure="plans_within_20_weeks")
    assert "60.0% Synthetic Council: 120 of 200" in tile(app, "This LA")
    assert "55.0% South West: 990 of 1,800" in tile(app, "Region")
    assert "45.0% 8,100 of 18,000" in tile(app, "England")
    # 30 of 100 and 90 of 100 together; the third has a symbol in its figure's place
    assert "60.0% 120 of 200, 2 of 3 LAs" in tile(app, "Statistical neighbours")
    years = cells(app, "Area")
    assert years.set_index("Area").loc["England"].to_dict() == {"2023": "50.0%", "2024": "45.0%"}


def test_each_neighbour_is_listed_with_its_figure_or_its_symbol(published):
    app = open_page("benchmarks", measure="plans_within_20_weeks")
    near = cells(app, "LA").set_index("LA")["Figure"].to_dict()
    assert near == {"Beta": "90.0%", "Synthetic Council": "60.0%", "Alpha": "30.0%", "Gamma": "x"}


def test_a_symbol_is_shown_in_the_figures_place_with_the_releases_own_meaning(published):
    app = open_page("benchmarks", measure="requests")
    assert " c " in tile(app, "This LA")
    said = text_of(app)
    assert "c a meaning that this release alone gives" in said
    assert synthetic.RELEASE in said
    assert "A footnote on &lt;requests&gt;." in said
    assert "A footnote on 20 weeks." not in said


def test_every_measure_that_the_release_has_is_in_one_table(published):
    table = cells(open_page("benchmarks"), "Theme").set_index("Measure")
    assert list(table.index) == [
        "EHC plans issued within 20 weeks (exceptions left out)",
        "Requests for an EHC needs assessment",
    ]
    assert table.loc["Requests for an EHC needs assessment", ["This LA", "Region", "England"]].to_list() == [
        "c",
        "2,500",
        "30,000",
    ]


def test_without_a_release_the_page_says_what_to_do_and_the_others_work(tmp_path, monkeypatch):
    folder = conftest.make_data_folder(tmp_path / "data")
    settings = Settings(_env_file=None, data_dir=folder)
    with duckdb.connect(str(folder / "published" / current_name(settings))) as connection:
        for table in ("comparators", "comparator_notes"):
            connection.execute(f"DELETE FROM marts.{table}")
    monkeypatch.setenv("SEN_DATA_DIR", str(folder))
    app = open_page("benchmarks")
    assert "No DfE release has been loaded" in text_of(app)
    assert not app.dataframe
    app.switch_page("pages/trends.py").run()
    assert not app.exception
