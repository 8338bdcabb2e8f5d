"""What leaves the analysts' own view, table by table."""

from datetime import datetime

import duckdb
import polars as pl
import pytest

from pipelines.publishing.suppressed_figures import of_all_pupils, suppressed
from pipelines.publishing.suppressing import is_small
from tests.dashboards.synthetic import definitions, mart_columns

THRESHOLD = 5
TERM = "2025-26-autumn"
SCHOOLS = ["100001", "100002", "100003", "100004"]


@pytest.fixture
def snapshot():
    """A snapshot of four primary schools without a figure; `figures` puts some in."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA marts")
        for table, columns in mart_columns().items():
            listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE marts.{table} ({listed})")
        connection.execute("CREATE TABLE marts.snapshot AS SELECT '801' AS la_code, 'Synthetic Council' AS la_name")
        connection.execute("CREATE TABLE marts.school_places (school VARCHAR, phase VARCHAR, trust_code VARCHAR)")
        connection.execute(
            """CREATE TABLE marts.restatements (indicator_id VARCHAR, area_type VARCHAR, area_code VARCHAR, term VARCHAR,
            group_type VARCHAR, numerator_from BIGINT, denominator_from BIGINT, unknown_from BIGINT, published_at TIMESTAMP)"""
        )
        within = ("id", "counted_within", "within_those", "hidden_with")
        add(connection, "indicators", [{c: row[c] or None for c in within} for row in definitions()])
        add(connection, "schools", [{"urn": urn, "laestab": f"8012{urn[-3:]}", "phase": "Primary"} for urn in SCHOOLS])
        yield connection


def add(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict]) -> None:
    connection.register("held", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
    connection.execute(f"INSERT INTO marts.{table} BY NAME SELECT * FROM held")
    connection.unregister("held")


def figures(connection, indicator: str, *counts: tuple[int, int, int], **given) -> None:
    """A figure (numerator, denominator, unknown) of each school, and their sum of the LA."""

    def row(numerator: int, denominator: int, unknown: int) -> dict:
        value = numerator / denominator if denominator else None
        shape = {"value": value, "lower_95": value, "upper_95": value, "rag": "green", "unit": "rate", "target": 0.9}
        counted = {"numerator": numerator, "denominator": denominator, "unknown": unknown}
        of = {"indicator_id": indicator, "term": TERM, "group_type": "all", "group_value": "all"}
        return of | counted | shape

    given = {"applies_as": "duty"} | given
    add(
        connection,
        "indicator_values",
        [row(*c) | given | {"urn": urn} for urn, c in zip(SCHOOLS, counts, strict=False)],
    )
    area = {"area_type": "la", "area_code": "801", "schools_counted": len(counts), "schools_missing": 0}
    add(connection, "indicator_values_area", [row(*(sum(c) for c in zip(*counts, strict=True))) | area])


def by_code(table: pl.DataFrame, column: str) -> dict:
    return dict(table.select("area_code", column).iter_rows())


def by_urn(table: pl.DataFrame, column: str) -> dict:
    return dict(table.select("urn", column).iter_rows())


def test_a_hidden_count_takes_rate_interval_and_rating_with_it(snapshot):
    # 3 not met of 20; hidden with whoever is nearest
    figures(snapshot, "REV01", (17, 20, 0), (12, 20, 0), (11, 20, 0), (10, 20, 0))
    hidden = suppressed(snapshot, THRESHOLD)["indicator_values"].filter("hides_numerator")
    assert "100001" in hidden["urn"]
    assert hidden.height > 1
    taken = hidden.select("numerator", "value", "lower_95", "upper_95", "rag")
    assert taken.null_count().row(0) == (hidden.height,) * 5
    # of how many is no secret: as many as another indicator counts on the register
    assert set(hidden["denominator"]) == {20}
    la = suppressed(snapshot, THRESHOLD)["indicator_values_area"].filter(area_type="la").row(0, named=True)
    assert (la["numerator"], la["denominator"], la["value"]) == (50, 80, 50 / 80)


def test_how_many_are_not_known_is_shown_and_hidden_with_how_many_are(snapshot):
    figures(snapshot, "REV02", (10, 20, 2), (10, 20, 0), (10, 20, 0), (10, 20, 0))
    table = suppressed(snapshot, THRESHOLD)["indicator_values"]
    assert by_urn(table, "unknown")[SCHOOLS[0]] == 2
    assert not table["hides_value"].any()
    # of 20 plans 17 are not known: the 3 that are are few
    figures(snapshot, "REV05", (2, 3, 17), (10, 20, 0), (10, 20, 0), (10, 20, 0))
    few = suppressed(snapshot, THRESHOLD)["indicator_values"].filter(indicator_id="REV05")
    assert by_urn(few, "unknown")[SCHOOLS[0]] is None
    assert by_urn(few, "denominator")[SCHOOLS[0]] is None


@pytest.mark.parametrize("indicator", ["SCH01", "SCH11", "RES01"])
def test_what_counts_no_pupils_is_never_hidden(snapshot, indicator):
    figures(snapshot, indicator, (1, 1, 0), (0, 1, 0), (1, 1, 0), (1, 1, 0))
    tables = suppressed(snapshot, THRESHOLD)
    assert by_urn(tables["indicator_values"], "numerator") == dict(zip(SCHOOLS, (1, 0, 1, 1), strict=True))
    assert tables["indicator_values_area"]["numerator"].to_list() == [3]


def test_pupils_who_need_a_healthcare_plan_are_pupils(snapshot):
    figures(snapshot, "MED01", (1, 2, 0), (9, 15, 0), (8, 14, 0), (7, 13, 0))
    assert by_urn(suppressed(snapshot, THRESHOLD)["indicator_values"], "denominator")["100001"] is None


def test_good_practice_is_hidden_by_itself_for_no_area_counts_it(snapshot):
    figures(snapshot, "REV01", (17, 20, 0), (10, 20, 0), applies_as="good_practice")
    snapshot.execute("DELETE FROM marts.indicator_values_area")
    figures(snapshot, "REV02", (10, 20, 0))
    table = suppressed(snapshot, THRESHOLD)["indicator_values"].filter(indicator_id="REV01")
    assert by_urn(table, "denominator") == {"100001": None, "100002": 20}


def test_the_threshold_is_the_one_that_is_set(snapshot):
    figures(snapshot, "REV01", (17, 20, 0), (14, 20, 0), (13, 20, 0), (12, 20, 0))
    assert suppressed(snapshot, 3)["indicator_values"]["hides_value"].sum() == 0
    assert suppressed(snapshot, 5)["indicator_values"]["hides_value"].sum() >= 2
    assert suppressed(snapshot, 9)["indicator_values"]["hides_value"].sum() >= 3


def test_a_figure_of_an_area_that_nothing_was_decided_of_is_hidden(snapshot):
    figures(snapshot, "REV01", (10, 20, 0), (10, 20, 0))
    snapshot.execute("UPDATE marts.indicator_values_area SET area_code = 'nobody knows whose'")
    of_areas = suppressed(snapshot, THRESHOLD)["indicator_values_area"]
    assert by_code(of_areas, "hides_value")["nobody knows whose"]


def test_how_many_wait_hides_the_median_and_the_same_figure_among_the_indicators(snapshot):
    waits = [(9, 7, 2), (20, 10, 10), (20, 10, 10), (20, 10, 10)]  # referrals, seen, still waiting
    for (referrals, seen, waiting), (area, code) in zip(
        [*waits, tuple(map(sum, zip(*waits, strict=True)))],
        [*(("school", u) for u in SCHOOLS), ("la", "801")],
        strict=True,
    ):
        of = {"term": TERM, "area_type": area, "area_code": code, "service": "all", "unknown": 0, "median_days": 30}
        add(snapshot, "waiting_times", [of | {"referrals": referrals, "seen": seen, "still_waiting": waiting}])
    figures(snapshot, "NPR03", *((seen, referrals, 0) for referrals, seen, _ in waits))
    tables = suppressed(snapshot, THRESHOLD)
    first = pl.col("area_code") == "100001"
    hidden = tables["waiting_times"].filter(first).row(0, named=True)
    assert [hidden[c] for c in ("referrals", "seen", "still_waiting", "median_days")] == [9, None, None, None]
    shown = tables["waiting_times"].filter(area_type="la").row(0, named=True)
    assert (shown["referrals"], shown["seen"], shown["still_waiting"], shown["median_days"]) == (69, 37, 32, 30)
    assert by_urn(tables["indicator_values"], "numerator")["100001"] is None


def test_how_many_still_wait_is_hidden_where_few_left_unseen(snapshot):
    # 3 of the 10 at the first school who were not seen wait no longer: the LA's 30 less those who wait would say so
    waits = [(20, 10, 7), (20, 10, 10), (20, 10, 10)]  # referrals, seen, still waiting
    places = [*(("school", urn) for urn in SCHOOLS[:3]), ("la", "801")]
    for (referrals, seen, waiting), (area, code) in zip([*waits, (60, 30, 27)], places, strict=True):
        of = {"term": TERM, "area_type": area, "area_code": code, "service": "all", "unknown": 0, "median_days": 30}
        add(snapshot, "waiting_times", [of | {"referrals": referrals, "seen": seen, "still_waiting": waiting}])
    figures(snapshot, "NPR03", *((seen, referrals, 0) for referrals, seen, _ in waits))
    la = suppressed(snapshot, THRESHOLD)["waiting_times"].filter(area_type="la").row(0, named=True)
    assert (la["referrals"], la["seen"], la["still_waiting"], la["median_days"]) == (60, 30, None, 30)


def test_few_pupils_with_a_plan_hide_a_schools_needs_profile(snapshot):
    census = [("K", 20), ("E", 3), ("N", 200)], [("K", 20), ("E", 9), ("N", 200)]
    for urn, kinds in zip(
        [*SCHOOLS, "801"], [census[0], *[census[1]] * 3, [("K", 80), ("E", 30), ("N", 800)]], strict=True
    ):
        of = {
            "term": TERM,
            "area_type": "la" if urn == "801" else "school",
            "area_code": urn,
            "need": "ASD",
            "sex": "F",
        }
        rows = [of | {"provision": p, "pupils": n, "year_group": "5", "source": "census"} for p, n in kinds]
        add(snapshot, "needs_profile", rows)
    figures(snapshot, "OUT01", (23, 223, 0), *[(29, 229, 0)] * 3)
    tables = suppressed(snapshot, THRESHOLD)
    profile = tables["needs_profile"]
    # with SEN are 23 of 223: how many of them have a plan is hidden
    assert profile.filter(area_code="100001").select("K", "E", "N").row(0) == (None, None, 200)
    la = profile.filter(area_type="la", breakdown="all").row(0, named=True)
    assert (la["K"], la["E"], la["N"]) == (80, 30, 800)
    of_need = profile.filter(area_type="la", breakdown="need", code="ASD").row(0, named=True)
    assert (of_need["K"], of_need["E"]) == (80, 30)
    assert by_urn(tables["indicator_values"], "numerator")["100001"] == 23


def test_few_pupils_hide_the_pounds_a_pupil_and_leave_the_amounts(snapshot):
    rows = [
        {
            "term": TERM,
            "urn": urn,
            "financial_year": "2025-26",
            "expenditure": 900.0,
            "share": 0.9,
            "pupils": pupils,
            "per_pupil": 900 / pupils,
        }
        for urn, pupils in zip(SCHOOLS, (3, 30, 30, 30), strict=True)
    ]
    add(snapshot, "amounts", rows)
    figures(snapshot, "PLN02", (3, 3, 0), *[(30, 30, 0)] * 3)
    table = suppressed(snapshot, THRESHOLD)["amounts"]
    assert by_urn(table, "per_pupil")["100001"] is None
    assert by_urn(table, "pupils")["100001"] is None
    assert set(by_urn(table, "expenditure").values()) == {900}


def test_a_figure_that_was_small_before_it_was_restated_is_hidden(snapshot):
    figures(snapshot, "REV01", (20, 20, 0), (11, 20, 0), (12, 20, 0), (13, 20, 0))
    assert suppressed(snapshot, THRESHOLD)["indicator_values"]["hides_value"].sum() == 0
    snapshot.execute(
        "INSERT INTO marts.restatements VALUES ('REV01', 'school', ?, ?, 'all', 17, 20, 0, now())", [SCHOOLS[0], TERM]
    )
    restated = suppressed(snapshot, THRESHOLD)["indicator_values"]
    assert by_urn(restated, "numerator")[SCHOOLS[0]] is None
    assert restated["hides_value"].sum() > 1


def test_a_figure_that_became_small_after_an_export_is_given_no_more(snapshot):
    figures(snapshot, "REV01", (17, 20, 0), (12, 20, 0), (11, 20, 0), (10, 20, 0))
    published = datetime(2026, 1, 10)
    snapshot.execute(
        "INSERT INTO marts.restatements VALUES ('REV01', 'school', ?, ?, 'all', 13, 20, 0, ?)",
        [SCHOOLS[0], TERM, published],
    )

    def la(first_exported: datetime | None) -> int | None:
        of_areas = suppressed(snapshot, THRESHOLD, first_exported)["indicator_values_area"]
        return of_areas.filter(area_type="la").row(0, named=True)["numerator"]

    assert la(None) == la(published) == 50
    assert la(datetime(2026, 1, 3)) is None


def test_a_schools_first_trust_decides_with_whom_it_is_hidden(snapshot):
    figures(snapshot, "REV01", (17, 20, 0), (12, 20, 0), (11, 20, 0), (10, 20, 0))

    def hidden() -> list[tuple]:
        return suppressed(snapshot, THRESHOLD)["indicator_values"].filter("hides_value").select("urn").rows()

    snapshot.execute("INSERT INTO marts.school_places SELECT laestab, phase, trust_code FROM marts.schools")
    before = hidden()
    snapshot.execute("UPDATE marts.schools SET trust_code = 'T9', phase = 'Secondary' WHERE urn = '100001'")
    assert hidden() == before


def test_groups_are_given_of_the_la_alone(snapshot):
    figures(snapshot, "REV01", (12, 20, 0), (10, 20, 0), (11, 20, 0), (10, 20, 0))
    of = {"indicator_id": "REV01", "term": TERM, "unknown": 0, "group_type": "sex"}
    for sex, numerator in (("F", 10), ("M", 9)):
        row = of | {"group_value": sex, "numerator": numerator, "denominator": 20}
        for urn in SCHOOLS[:2]:
            add(snapshot, "indicator_values", [row | {"urn": urn, "applies_as": "duty"}])
        areas = [{"area_type": "la", "area_code": "801"}, {"area_type": "phase", "area_code": "Primary"}]
        twice = {"numerator": 2 * numerator, "denominator": 40}
        add(snapshot, "indicator_values_area", [row | twice | area for area in areas])
    groups = suppressed(snapshot, THRESHOLD)["indicator_values_area"].filter(group_type="sex")
    assert set(groups.select("area_type", "group_value", "numerator").iter_rows()) == {("la", "F", 20), ("la", "M", 18)}


def test_no_small_count_is_left_in_any_table(snapshot):
    figures(snapshot, "REV01", (3, 3, 1), (2, 20, 0), (18, 20, 4), (0, 0, 0))
    figures(snapshot, "REV02", (3, 3, 9), (12, 20, 8), (10, 20, 4), (0, 0, 0))
    for table in suppressed(snapshot, THRESHOLD).values():
        counts = [c.removeprefix("hides_") for c in table.columns if c.startswith("hides_")]
        counts = [c for c in counts if c != "value" and c in table.columns]
        if not table.is_empty():
            assert table.filter(pl.any_horizontal(is_small(pl.col(c), THRESHOLD) for c in counts)).is_empty()


def test_the_figures_of_all_pupils_alone_hide_what_the_whole_hides(snapshot):
    figures(snapshot, "REV03", (36, 40, 0), (32, 40, 0), (31, 40, 0), (30, 40, 0))
    figures(snapshot, "DO01", (39, 40, 0), (40, 40, 0), (40, 40, 0), (40, 40, 0))
    figures(snapshot, "SCH01", (1, 1, 0), (0, 1, 0), (1, 1, 0), (1, 1, 0))
    whole = suppressed(snapshot, THRESHOLD)
    of_schools, of_areas = of_all_pupils(snapshot, THRESHOLD, [TERM])
    for name, alone in (("indicator_values", of_schools), ("indicator_values_area", of_areas)):
        columns = whole[name].columns
        assert alone.select(columns).sort(columns).equals(whole[name].sort(columns))
    hidden = of_schools.filter("hides_value").select("indicator_id", "urn", "numerator", "band_low", "band_high")
    assert ("REV03", SCHOOLS[0], None, 0.75, 1.0) in hidden.rows()
    assert set(of_areas.filter("hides_value")["indicator_id"]) == {"DO01"}
    assert of_all_pupils(snapshot, THRESHOLD, ["2025-26-spring"])[1].is_empty()
