"""A real release in excerpt (see ees/README.md): its national figures are known."""

import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from pipelines.reference import pull_reference
from pipelines.reference.comparators import measures, read_guidance
from tests.reference.conftest import PULLED_AT, fault_of, rows_of

EXCERPT = Path(__file__).parent / "ees"
DATA_FILES = ("timeliness_20_week.csv", "requests.csv", "assessments.csv")
RELEASE = "Education, health and care plans, Reporting year 2025"


def release(**changed: bytes | None) -> bytes:
    """The ZIP as DfE gives it; a file may be changed or left out by its stem."""
    files = {f"data/{name}": (EXCERPT / name).read_bytes() for name in DATA_FILES}
    files["data-guidance/data-guidance.txt"] = (EXCERPT / "data-guidance.txt").read_bytes()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as out:
        for name, content in files.items():
            stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("-", "_")
            content = changed.get(stem, content)
            if content is not None:
                out.writestr(name, content)
    return held.getvalue()


@pytest.fixture
def ees(reference):
    (reference / "ees").mkdir()
    return reference / "ees"


def figures(connection, measure: str, area_type: str, breakdown: str = "all", columns: str = "*") -> list[tuple]:
    return rows_of(
        connection,
        f"reference.comparators WHERE measure = '{measure}' AND area_type = '{area_type}' AND breakdown = '{breakdown}'",
        columns,
        "time_period, area_name",
    )


def test_englands_plans_within_20_weeks_are_the_published_ones(settled, connection, ees):
    (ees / "ehc_plans_2025.zip").write_bytes(release())
    pull_reference(settled, connection, PULLED_AT)
    parts = "time_period, numerator, denominator, value"
    assert figures(connection, "plans_within_20_weeks", "country", columns=parts) == [
        ("2019", 29895, 49519, 60.4),
        ("2020", 31446, 54175, 58.0),
        ("2021", 34249, 57196, 59.9),
        ("2022", 30536, 62108, 49.2),
        ("2023", 38471, 76506, 50.3),
        ("2024", 39407, 84866, 46.4),
    ]
    assert fault_of(connection, "ees/ehc_plans_2025.zip") is None
    [(rows,)] = rows_of(connection, "ledger.reference_files WHERE kind = 'ees'", "rows")
    assert rows == sum(len((EXCERPT / name).read_text().splitlines()) - 1 for name in DATA_FILES)


def test_a_published_percentage_is_that_of_its_two_counts(settled, connection, ees):
    (ees / "release.zip").write_bytes(release())
    pull_reference(settled, connection, PULLED_AT)
    published = connection.sql("""
        SELECT abs(value - 100 * numerator / denominator) AS apart FROM reference.comparators
        WHERE denominator > 0 AND value IS NOT NULL
    """).pl()
    # rounded to one place; one row of the whole release in 12,000 differs by more, and is not in the excerpt
    assert published.height > 200
    assert published["apart"].max() <= 0.0501


def test_our_la_its_region_and_its_neighbours_are_kept_and_no_other_la(settled, connection, ees):
    (ees / "release.zip").write_bytes(release())
    (ees / "stat_neighbours.csv").write_bytes((EXCERPT / "stat_neighbours.csv").read_bytes())
    pull_reference(settled, connection, PULLED_AT)
    areas = rows_of(connection, "reference.comparators WHERE measure = 'requests'", "DISTINCT area_type, area_name")
    assert {name for kind, name in areas if kind != "statistical_neighbours"} == {
        "England",
        "South West",
        "Bristol, City of",
    }
    # the ten of the file; the release has requests of every LA
    assert len([name for kind, name in areas if kind == "statistical_neighbours"]) == 10
    assert figures(connection, "plans_within_20_weeks", "la", columns="area_code, numerator, denominator")[-1] == (
        "E06000023",
        118,
        678,
    )


def test_the_las_add_up_to_england_but_in_2023_and_that_is_noted(settled, connection, ees):
    (ees / "release.zip").write_bytes(release())
    pull_reference(settled, connection, PULLED_AT)
    notes = rows_of(connection, "reference.comparator_notes WHERE note LIKE '%add up%'", "release, measure, note")
    assert notes == [
        (
            RELEASE,
            "requests",
            "2023: the LAs' figures add up to 137,307, and England's is 138,242: some LAs' figures are in the total alone.",
        )
    ]


def test_a_symbol_is_kept_with_the_meaning_that_the_release_gives_it(settled, connection, ees):
    (ees / "release.zip").write_bytes(release())
    pull_reference(settled, connection, PULLED_AT)
    # 2019's denominator is not there in the release, and its percentage neither
    assert figures(connection, "assessments_with_plan", "country", columns="time_period, value, denominator, symbol")[
        0
    ] == ("2019", None, None, "x")
    assert rows_of(connection, "reference.comparator_notes WHERE symbol IS NOT NULL", "symbol, note") == [
        ("x", "unavailable"),
        ("z", "Not applicable"),
    ]


def test_another_release_may_give_the_same_symbol_another_meaning_and_an_unexplained_one_is_a_fault(
    settled, connection, ees
):
    guidance = (EXCERPT / "data-guidance.txt").read_bytes()
    swapped = guidance.replace(b"z - Not applicable", b"z = Not available").replace(
        b"x - unavailable", b"low: rounds to 0"
    )
    swapped = swapped.replace(b"Reporting year 2025", b"Reporting year 2024")
    (ees / "release 2024.zip").write_bytes(release(data_guidance=swapped))
    pull_reference(settled, connection, PULLED_AT)
    assert rows_of(connection, "reference.comparator_notes WHERE symbol IS NOT NULL", "symbol, note") == [
        ("low", "rounds to 0"),
        ("z", "Not available"),
    ]
    assert fault_of(connection, "ees/release 2024.zip") == "does not say what 'x' in a figure's place means"


def test_footnotes_stand_with_the_measures_of_their_file(settled, connection, ees):
    (ees / "release.zip").write_bytes(release())
    pull_reference(settled, connection, PULLED_AT)
    [(note,)] = rows_of(connection, "reference.comparator_notes WHERE measure = 'plans_within_20_weeks'", "note")
    assert note.startswith("For the 2024 calendar year, Dorset and City of London have classed all new plans as having")


def test_a_data_file_by_itself_is_a_release_without_a_legend(settled, connection, ees):
    (ees / "d2i_ehcp_timeliness_20_week.csv").write_bytes((EXCERPT / "timeliness_20_week.csv").read_bytes())
    pull_reference(settled, connection, PULLED_AT)
    assert figures(connection, "plans_within_20_weeks", "country", columns="release, value")[0] == (
        "d2i_ehcp_timeliness_20_week",
        60.4,
    )


def test_of_a_release_that_came_twice_the_newest_file_stands(settled, connection, ees):
    (ees / "release_1.zip").write_bytes(release())
    corrected = (EXCERPT / "timeliness_20_week.csv").read_bytes().replace(b",60.4", b",60.5")
    (ees / "release_2.zip").write_bytes(release(timeliness_20_week=corrected))
    pull_reference(settled, connection, PULLED_AT)
    assert figures(connection, "plans_within_20_weeks", "country", columns="value")[0] == (60.5,)
    assert rows_of(connection, "ledger.reference_files WHERE kind = 'ees'", "path, state") == [
        ("ees/release_1.zip", "older"),
        ("ees/release_2.zip", "current"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("release.zip", b"PK\x03\x04 no more", "is no ZIP that can be opened"),
        ("release.zip", b"", "is no ZIP that can be opened"),
        ("notes.csv", b"a,b\n1,2\n", "holds no data file that a measure of ours is made of"),
        (
            "requests.csv",
            b"time_period,geographic_level\n2024,National\n",
            "lacks the columns 'country_code', 'country_name', 'region_code', 'region_name', 'new_la_code', 'old_la_code', "
            "'la_name' in requests.csv",
        ),
    ],
)
def test_what_is_no_release_says_why(settled, connection, ees, name, content, says):
    (ees / name).write_bytes(content)
    assert pull_reference(settled, connection, PULLED_AT)["broken"] == [f"ees/{name}"]
    assert fault_of(connection, f"ees/{name}") == says
    assert rows_of(connection, "reference.comparators") == []


def test_an_la_that_the_release_does_not_have_sees_england_alone(settled, connection, ees):
    from pipelines.reference.comparators import read_comparators
    from pipelines.reference.shapes import CollectedFile, Surroundings

    file = CollectedFile("ees/release.zip", "1", is_there=True, load=release)
    collected = read_comparators([file], Surroundings("999", pl.DataFrame(), {}))
    assert collected.tables["reference.comparators"]["area_type"].unique().to_list() == ["country"]
    assert collected.verdicts[file].fault == "has no figure of LA 999"


def test_neighbours_that_no_release_has_are_counted(settled, connection, ees):
    (ees / "release.zip").write_bytes(release())
    (ees / "neighbours.csv").write_text('"City of Bristol",Leeds\nLeeds,Bristol\nDurham,\nSouthmouth,\n')
    pull_reference(settled, connection, PULLED_AT)
    near = figures(connection, "plans_within_20_weeks", "statistical_neighbours", columns="DISTINCT area_name")
    assert sorted(near) == [("County Durham",), ("Leeds",)]
    assert fault_of(connection, "ees/neighbours.csv") == "names 1 neighbour that no release has"


def test_every_measure_has_its_own_name_place_and_columns():
    rows = measures()
    assert len({row["measure"] for row in rows}) == len({row["name"] for row in rows}) == len(rows)
    assert [int(row["position"]) for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        assert row["unit"] == ("percent" if row["denominator"] else "count"), row["measure"]
        assert row["numerator"]


def test_a_guidance_without_a_legend_explains_nothing():
    guidance = read_guidance("Title\nAcademic year 2022/23\n\nCoverage\n\n- number of plans\nz - Not applicable\n")
    assert (guidance.title, guidance.symbols, guidance.footnotes) == ("Title, Academic year 2022/23", {}, {})
