"""Nobody can work out a hidden count: an attacker takes everything published apart, and finds out a weak suppression."""

import csv
import random

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.publishing.suppressing import HIDES, areas_of, bands, hidden_counts, is_small, places_in_tree
from pipelines.settings import SEEDS_DIR
from tests.publishing.attacker import AT_MOST_NOUGHT, NOUGHT, SOME_OF, THE_SAME, Attacker
from tests.publishing.children import GROUPS, INDICATORS, TERM, as_counts, make_la

THRESHOLD = 5
ALL = ("all", "all")
GROUP = ["group_type", "group_value"]

one_school = st.tuples(
    st.sampled_from(["Primary", "Primary", "Primary", "Secondary", "Nursery"]),
    st.sampled_from([None, "T1", "T2"]),
    st.integers(0, 80),
    st.sampled_from([0.0, 0.5, 0.8, 0.95, 1.0]),
)
an_la = st.lists(one_school, min_size=3, max_size=12)


def hide(counts: pl.DataFrame, schools: pl.DataFrame, **options) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is hidden, a row a figure of a school, an area and a group of the LA; and of schools as `bands` takes it."""
    of_schools, of_areas = hidden_counts(counts, INDICATORS, schools, THRESHOLD, GROUPS, **options)
    everybody = [pl.lit("all").alias(c) for c in GROUP]
    as_area = [pl.lit("school").alias("area_type"), pl.col("urn").alias("area_code"), *everybody]
    columns = ["indicator_id", "term", "area_type", "area_code", *GROUP, *HIDES]
    return pl.concat([of_schools.with_columns(as_area).select(columns), of_areas.select(columns)]), of_schools


def within_areas(schools: pl.DataFrame) -> dict[tuple, set[str]]:
    found: dict[tuple, set[str]] = {}
    for urn, *area in areas_of(schools).iter_rows():
        found.setdefault(tuple(area), set()).add(urn)
    return found


def attack(
    counts: pl.DataFrame, schools: pl.DataFrame, hidden: pl.DataFrame, given: pl.DataFrame | None = None
) -> Attacker:
    attacker = Attacker(counts, within_areas(schools), GROUPS, hidden)
    if given is not None:
        attacker.read_bands(given)
    return attacker


def narrowest(attacker: Attacker, most: int = 30) -> float:
    """The width of the narrowest interval to which a hidden count can be brought down (of a sample, half of it small counts).

    Where a hidden count can be none at all it is nought, which is told freely.
    """
    chance = random.Random(len(attacker.secret))
    names = sorted(attacker.secret)
    small = [name for name in names if 0 < attacker.secret[name][1] < THRESHOLD]
    sample = [name for of in (small, names) for name in chance.sample(of, min(most // 2, len(of)))]
    found = attacker.bounds(attacker.secret[name][0] for name in sample)
    return min((high - low for low, high in found if high > 1e-6), default=float("inf"))


def only_small(counts: pl.DataFrame, hidden: pl.DataFrame, schools: pl.DataFrame) -> pl.DataFrame:
    """A weak suppression: what is small itself is hidden, and nothing else."""
    in_areas = counts.join(areas_of(schools), on="urn")
    of_schools = counts.filter(pl.col("group_type") == "all").with_columns(area_type=pl.lit("school"), area_code="urn")
    figure = ["indicator_id", "term", "area_type", "area_code", *GROUP]
    summed = pl.concat([in_areas, of_schools], how="diagonal").group_by(figure).agg(pl.col("met", "not_met").sum())
    known = pl.col("met") + pl.col("not_met")
    return (
        hidden.select(figure)
        .join(summed, on=figure, how="left")
        .with_columns(pl.col("met", "not_met").fill_null(0))
        .select(
            *figure,
            hides_known=is_small(known, THRESHOLD),
            hides_met=is_small(pl.col("met"), THRESHOLD),
            hides_not_met=is_small(pl.col("not_met"), THRESHOLD),
        )
    )


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(an_la, st.integers(0, 10_000))
@example(
    [("Primary", None, n, rate) for n, rate in ((65, 1.0), (46, 0.8), (37, 0.8), (28, 0.0), (27, 0.0), (27, 0.95))], 132
)
def test_no_hidden_count_can_be_brought_down_to_fewer_values_than_the_threshold(school_list, seed):
    """By who reads the figures of all indicators, and the pages of all schools, side by side."""
    schools, counts = make_la(school_list, seed)
    hidden, of_schools = hide(counts, schools)
    weak = only_small(counts, hidden, schools)
    for hides in HIDES:
        small = weak.filter(hides).join(hidden.filter(hides), on=hidden.columns[:-3], how="anti")
        assert small.is_empty(), small
    given_bands = bands(counts.filter(pl.col("group_type") == "all"), of_schools, INDICATORS, THRESHOLD)
    assert narrowest(attack(counts, schools, hidden, given_bands)) >= THRESHOLD - 1e-6


def of_one(indicator: str, *counted: tuple[int, int, int], also: dict[str, list[tuple[int, int, int]]] | None = None):
    """Primary schools without a trust, and their counts of an indicator, or of more, without groups."""
    schools, _ = make_la([("Primary", None, 0, 1.0)] * len(counted), seed=len(counted))
    figures = {indicator: list(counted)} | (also or {})
    rows = {
        (name, urn, *ALL): list(n) for name, of in figures.items() for urn, n in zip(schools["urn"], of, strict=True)
    }
    return schools, as_counts(rows)


def test_the_attacker_finds_a_small_count_that_is_hidden_alone():
    # 6 + 7 + 3 = 16: whoever knows the LA's 16 and the two others knows the 3
    schools, counts = of_one("REV03", (20, 6, 0), (20, 7, 0), (20, 3, 0), (20, 0, 0))
    hidden, _ = hide(counts, schools)
    assert narrowest(attack(counts, schools, only_small(counts, hidden, schools))) == pytest.approx(0, abs=1e-6)
    assert narrowest(attack(counts, schools, hidden)) >= THRESHOLD


def test_the_attacker_finds_small_counts_whose_sum_is_small():
    # 1 + 3 = 4 of the LA's 24: neither can be more than 4
    schools, counts = of_one("REV03", (20, 1, 0), (20, 20, 0), (20, 3, 0), (20, 9, 0))
    hidden, _ = hide(counts, schools)
    assert narrowest(attack(counts, schools, only_small(counts, hidden, schools))) <= 4
    assert narrowest(attack(counts, schools, hidden)) >= THRESHOLD


def test_the_attacker_finds_what_one_indicator_tells_of_another():
    # who knows that 40 reviews were held, and that of 38 all was done that was agreed, knows of the 2
    schools, counts = of_one(
        "REV03",
        *[(30, 10, 0)] * 6,
        also={"DO01": [(38, 2, 0), *[(31, 9, 0)] * 5]},
    )
    hidden, _ = hide(counts, schools)
    apart = pl.concat(
        hide(counts.filter(indicator_id=name), schools)[0].with_columns(
            hides_known=pl.col("hides_known") | (pl.col("hides_not_met") & (pl.col("area_type") == "school")),
            # of who does what is agreed each school's count was given where it was not small itself
            hides_met=False,
        )
        for name in ("REV03", "DO01")
    )
    assert narrowest(attack(counts, schools, apart)) == pytest.approx(0, abs=1e-6)
    assert narrowest(attack(counts, schools, hidden)) >= THRESHOLD


def test_the_attacker_finds_what_few_wholes_tell():
    # 3 pupils are on the register of the first school: who hides it in one indicator alone gives it away in the other
    schools, counts = of_one("PLN02", (3, 0, 0), *[(20, 10, 0)] * 5, also={"REC01": [(3, 0, 0), *[(25, 5, 0)] * 5]})
    hidden, _ = hide(counts, schools)
    assert {True} == set(hidden.filter(area_code=schools["urn"][0])["hides_known"])
    one = (pl.col("indicator_id") == "REC01") & (pl.col("area_type") == "school")
    given_away = hidden.with_columns(pl.when(one).then(False).otherwise(h).alias(h) for h in HIDES)
    assert narrowest(attack(counts, schools, given_away)) == pytest.approx(0, abs=1e-6)
    assert narrowest(attack(counts, schools, hidden)) >= THRESHOLD


def test_the_attacker_finds_out_what_groups_tell_of_each_other():
    schools, counts = make_la([("Primary", None, 40, 0.8)] * 5, seed=3)
    hidden, _ = hide(counts, schools)
    rare = (pl.col("group_type") != "need") | (pl.col("group_value") == "MSI")
    alone = hidden.with_columns(pl.col(h) & rare for h in HIDES)
    assert not alone.equals(hidden)
    assert narrowest(attack(counts, schools, alone), most=200) < THRESHOLD - 1e-6


def test_bands_are_given_where_the_pages_side_by_side_leave_room():
    schools, counts = of_one("REV03", (36, 4, 0), (33, 7, 0), (31, 9, 0), (20, 20, 0), (5, 7, 0), (9, 0, 0))
    hidden, of_schools = hide(counts, schools)
    given_bands = bands(counts, of_schools, INDICATORS, THRESHOLD)
    assert given_bands.filter(urn=schools["urn"][0]).select("band_low", "band_high").row(0) == (0.75, 1.0)
    # halves of 12 pupils, nothing of 9
    as_one = of_schools.with_columns(company=pl.lit(1, pl.UInt64), hides_met=True)
    of_all = {
        urn: tuple(band)
        for urn, *band in bands(counts, as_one, INDICATORS, THRESHOLD).drop("indicator_id", "term").iter_rows()
    }
    quarters = [(0.75, 1.0), (0.75, 1.0), (0.75, 1.0), (0.5, 0.75), (0.0, 0.5)]
    assert of_all == dict(zip(schools["urn"], quarters, strict=False))
    assert narrowest(attack(counts, schools, hidden, given_bands)) >= THRESHOLD - 1e-6


def test_no_band_is_given_where_all_of_them_would_tell():
    # each has one: the pages would say of each that its share is at the top of a quarter, and the sum that all are
    schools, counts = of_one("REV03", *[(29, 11, 0)] * 3, (26, 4, 0))
    hidden, of_schools = hide(counts, schools)
    assert of_schools["hides_met"].all()
    tight = pl.DataFrame(
        {"indicator_id": "REV03", "urn": schools["urn"], "band_low": [29 / 40] * 3 + [26 / 30], "band_high": [1.0] * 4}
    )
    assert narrowest(attack(counts, schools, hidden, tight)) < THRESHOLD
    assert (
        narrowest(attack(counts, schools, hidden, bands(counts, of_schools, INDICATORS, THRESHOLD))) >= THRESHOLD - 1e-6
    )


def test_the_seed_says_what_the_attacker_knows():
    """Every indicator of which the attacker knows something is entered as counted within, or hidden with, another."""
    with (SEEDS_DIR / "indicators.csv").open(newline="", encoding="utf-8") as lines:
        seed = {row["id"]: row for row in csv.DictReader(lines)}
    of_tests = {row["id"]: row for row in INDICATORS.iter_rows(named=True)}
    for name, row in of_tests.items():
        for column in ("counted_within", "within_those", "hidden_with"):
            assert seed[name][column] == (row[column] or ""), (name, column)
    linked = [*THE_SAME.items(), *SOME_OF.items()]
    linked += [tuple({name for name, _ in parts}) for parts in (*NOUGHT, *AT_MOST_NOUGHT)]

    def roots(name: str) -> set[str]:
        above = seed[name]["counted_within"]
        return {name} | (roots(above) if above else set())

    assert all(roots(one) & roots(other) for one, other in linked)


def test_a_school_that_knows_its_own_figures_learns_no_small_count_of_another():
    # 20 and 3 together are 23, safe for a stranger; but whoever has the 20 has the 3
    not_met = [20, 3, 9, 8, 10, 12]
    schools, counts = of_one("REV03", *((30, n, 0) for n in not_met))
    hidden, _ = hide(counts, schools)
    held = set(hidden.filter("hides_not_met", area_type="school")["area_code"])
    together = [n for urn, n in zip(schools["urn"], not_met, strict=True) if urn in held]
    assert 3 in together
    assert all(sum(together) - own >= THRESHOLD for own in together)


def test_nothing_is_hidden_where_nothing_is_small():
    schools, counts = of_one("REV03", (20, 6, 0), (20, 0, 3), (20, 12, 0))
    hidden, _ = hide(counts, schools)
    assert not hidden.select(pl.any_horizontal(HIDES).any()).item()


def test_a_whole_las_small_count_hides_the_figure_everywhere():
    schools, counts = of_one("REV03", (20, 0, 0), (20, 3, 0), (20, 0, 0))
    hidden, _ = hide(counts, schools)
    assert set(hidden.filter("hides_not_met").select("area_type", "area_code").iter_rows()) == {
        ("la", "801"),
        ("phase", "Primary"),
        *(("school", urn) for urn in schools["urn"]),
    }
    # how many reviews there were is no secret
    assert not hidden["hides_known"].any()


@hypothesis_settings(max_examples=10, deadline=None)
@given(st.lists(one_school, min_size=2, max_size=30), st.integers(0, 10_000))
def test_the_same_figures_hide_the_same_cells_in_any_export(school_list, seed):
    """Whatever other terms and in whatever order, and whether or not there are schools without a figure."""
    schools, counts = make_la(school_list, seed)
    figures = set(counts["urn"].unique().sort()[1:])
    earlier = counts.filter(pl.col("urn").is_in(figures))
    later = pl.concat(
        [earlier.sample(fraction=1, shuffle=True, seed=1), counts.with_columns(term=pl.lit("2025-26-spring"))]
    )
    of_earlier, of_later = (
        hide(c, s)[0].filter(pl.col("term") == TERM)
        for c, s in ((earlier, schools.filter(pl.col("urn").is_in(figures))), (later, schools))
    )
    # an area in which no school has a figure is listed in neither
    assert set(of_earlier.iter_rows()) == set(of_later.iter_rows())


def corrected() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Schools, their counts before and after the 3 of the first became 0, and the figure that was small."""
    not_met = (3, 9, 8, 7, 12, 11)
    schools, then = of_one("REV03", *((20, n, 0) for n in not_met))
    first = pl.col("urn") == schools["urn"][0]
    now = then.with_columns(not_met=pl.when(first).then(0).otherwise("not_met"))
    return schools, then, now, then.filter(first).drop(GROUP)


def test_a_figure_that_was_small_when_it_was_published_stays_hidden_with_the_same_schools():
    schools, then, now, was_small = corrected()
    hidden_then, hidden_now = (hide(c, schools, was_small=was)[0] for c, was in ((then, None), (now, was_small)))
    held = [
        set(h.filter("hides_not_met").select("area_type", "area_code").iter_rows()) for h in (hidden_then, hidden_now)
    ]
    assert held[0]
    assert held[1] >= held[0]
    assert not hide(now, schools)[0]["hides_not_met"].any()


def test_a_small_count_cannot_be_had_from_an_export_before_and_one_after_it_was_corrected():
    schools, then, now, was_small = corrected()
    before = attack(then, schools, hide(then, schools)[0])
    changed = ("all", "all", schools["urn"][0])

    def of_both(after: pl.DataFrame) -> float:
        """The width to which who reads both exports can bring down the 3; the other schools are known not to have changed."""

        def renamed(parts: dict) -> dict:
            moved = {n: n[1] == changed or n[1][2] == "la" for n in parts}  # the groups' sums move with it
            return {(*n, "now") if moved[n] else n: times for n, times in parts.items()}

        both = attack(then, schools, hide(then, schools)[0])
        later = attack(now, schools, after)
        both.shown += [(renamed(parts), total) for parts, total in later.shown]
        ((low, high),) = both.bounds([{("REV03", changed, "not_met"): 1.0}])
        return high - low

    assert narrowest(before) >= THRESHOLD
    assert of_both(hide(now, schools, was_small=was_small)[0]) >= THRESHOLD
    # and it could, were what it was forgotten: then what was hidden with it is shown
    assert of_both(hide(now, schools)[0]) == pytest.approx(0, abs=1e-6)


def test_a_count_that_became_small_after_it_was_exported_is_not_given_again():
    # 9 became 3: who has the others from the earlier export would take them from any sum
    not_met = (9, 9, 8, 7, 12, 11)
    schools, then = of_one("REV03", *((20, n, 0) for n in not_met), also={"DO01": [(20, 10, 0)] * 6})
    first = pl.col("urn") == schools["urn"][0]
    changed = first & (pl.col("indicator_id") == "REV03")
    now = then.with_columns(
        pl.when(changed).then(26).otherwise("met").alias("met"),
        pl.when(changed).then(3).otherwise("not_met").alias("not_met"),
    )
    assert not hide(then, schools)[0]["hides_not_met"].any()
    given = now.filter(changed).select("indicator_id", "term", "urn")
    hidden = hide(now, schools, was_given=given)[0].filter(group_type="all")
    assert set(hidden.filter("hides_not_met")["indicator_id"]) == {"REV03"}
    assert hidden.filter(indicator_id="REV03")["hides_not_met"].all()
    # were it forgotten, the LA's figure would be given
    assert not hide(now, schools)[0].filter(area_type="la", group_type="all")["hides_not_met"].any()
    # and what changed without becoming small is given
    assert not hide(then, schools, was_given=given)[0]["hides_not_met"].any()


def moved(schools: pl.DataFrame, which: int, *, is_remembered: bool) -> pl.DataFrame:
    """The schools after one has gone to another trust."""
    first = pl.col("urn") == schools["urn"][which]
    trusts = ["trust_code"] if is_remembered else ["trust_code", "first_trust_code"]
    return schools.with_columns(pl.when(first).then(pl.lit("T9")).otherwise(c).alias(c) for c in trusts)


@pytest.mark.parametrize("seed", [0, 1, 4])  # of which all leak where the first trust is forgotten
def test_no_hidden_count_can_be_had_from_exports_before_and_after_a_school_went_to_another_trust(seed):
    chance = random.Random(seed)
    school_list = [("Primary", chance.choice(["T1", "T2"]), chance.randrange(5, 40), 0.8) for _ in range(12)]
    schools, counts = make_la(school_list, seed)
    before = hide(counts, schools)[0]

    def of_both(after: pl.DataFrame) -> float:
        attacker = attack(counts, schools, before)
        later = attack(counts, after, hide(counts, after)[0])
        attacker.shown += later.shown
        return narrowest(attacker, most=60)

    assert of_both(moved(schools, 0, is_remembered=True)) >= THRESHOLD - 1e-6
    assert of_both(moved(schools, 0, is_remembered=False)) < THRESHOLD - 1e-6


def test_a_schools_place_depends_on_nobody_else():
    schools, _ = make_la([("Primary", "T1", 0, 1.0)] * 30 + [("Nursery", None, 0, 1.0)] * 3, seed=1)
    fewer = schools.head(20)

    def company(of: pl.DataFrame) -> set[frozenset]:
        tree = places_in_tree(of).filter(pl.col("urn").is_in(set(fewer["urn"])))
        return {
            frozenset(within)
            for branch in tree.columns[2:]
            for within in tree.group_by(branch).agg("urn")["urn"].to_list()
            if len(within) > 1
        }

    assert company(schools) >= company(fewer)
