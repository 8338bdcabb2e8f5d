"""Nobody can work out a hidden count: an attacker takes everything published apart, and finds out a weak suppression."""

import random

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.publishing.suppressing import areas_of, hidden_counts, is_small, places_in_tree
from tests.publishing.attacker import bounds, published_sums

THRESHOLD = 5
OUTCOMES = ["met", "not_met"]
GROUPS = {"sex": ["F", "M"], "need": ["ASD", "MLD", "MSI", "SEMH"]}
SHARES = {"sex": [10, 10, 1], "need": [9, 9, 1, 9, 1]}  # the last: in no group
ALL = ("all", "all")

one_school = st.tuples(
    st.sampled_from(["Primary", "Primary", "Primary", "Secondary", "Nursery"]),
    st.sampled_from([None, "T1", "T2"]),
    st.integers(0, 60),
    st.sampled_from([0.0, 0.5, 0.8, 0.95, 1.0]),
)


def make_la(school_list, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Schools and their counts: each pupil meets it or not by the school's rate, and is in a group of each type or in none."""
    chance = random.Random(seed)
    schools, counts = [], {}
    for n, (phase, trust, pupils, rate) in enumerate(school_list):
        urn = f"1{n:05}"
        laestab = f"801{chance.randrange(1000, 9999)}"
        schools.append({"urn": urn, "laestab": laestab, "phase": phase, "trust_code": trust, "la_code": "801"})
        counts[(urn, *ALL)] = [0, 0]
        for _ in range(pupils):
            outcome = 0 if chance.random() < rate else 1
            groups = [(t, v) for t, shares in SHARES.items() for v in chance.choices([*GROUPS[t], None], shares) if v]
            for cell in [ALL, *groups]:
                counts.setdefault((urn, *cell), [0, 0])[outcome] += 1
    return pl.DataFrame(schools, schema_overrides={"trust_code": pl.String}), as_counts(counts)


def as_counts(counts: dict[tuple[str, str, str], list[int]], term: str = "2025-26-autumn") -> pl.DataFrame:
    rows = [("REV01", term, *cell, *numbers) for cell, numbers in counts.items()]
    names = ["indicator_id", "term", "urn", "group_type", "group_value", *OUTCOMES]
    return pl.DataFrame(rows, schema=names, orient="row")


def hide(counts: pl.DataFrame, schools: pl.DataFrame, **options) -> dict[str, set[tuple]]:
    """Outcome -> what is hidden of it: (area_type, area_code, group_type, group_value)."""
    of_schools, of_areas = hidden_counts(counts, OUTCOMES, schools, THRESHOLD, GROUPS, **options)
    cells = pl.concat(
        [
            of_schools.select(
                pl.lit("school").alias("area_type"), pl.col("urn").alias("area_code"), *GROUP_ALL, *HIDES
            ),
            of_areas.select("area_type", "area_code", "group_type", "group_value", *HIDES),
        ]
    )
    return {o: set(cells.filter(f"hides_{o}").drop(HIDES).iter_rows()) for o in OUTCOMES}


HIDES = [f"hides_{o}" for o in OUTCOMES]
GROUP_ALL = [pl.lit("all").alias("group_type"), pl.lit("all").alias("group_value")]


def within_areas(schools: pl.DataFrame) -> dict[tuple, set[str]]:
    found: dict[tuple, set[str]] = {}
    for urn, *area in areas_of(schools).iter_rows():
        found.setdefault(tuple(area), set()).add(urn)
    return found


def narrowest(counts: pl.DataFrame, schools: pl.DataFrame, hidden: dict[str, set[tuple]], most: int = 20) -> float:
    """The width of the narrowest interval to which an attacker can bring down a hidden count (of a sample of them)."""
    widths = []
    for outcome in OUTCOMES:
        shown, secret = published_sums(counts, outcome, within_areas(schools), GROUPS, hidden[outcome])
        names = sorted(secret)
        sample = random.Random(len(names)).sample(names, min(most, len(names)))
        widths += [high - low for low, high in bounds(shown, [secret[name] for name in sample])]
    return min(widths, default=float("inf"))


def small_cells(counts: pl.DataFrame, schools: pl.DataFrame, outcome: str) -> set[tuple]:
    """Every published count that is small by itself."""
    in_areas = (
        counts.join(areas_of(schools), on="urn")
        .group_by("area_type", "area_code", "group_type", "group_value")
        .agg(pl.col(OUTCOMES).sum())
    )
    of_schools = counts.filter(pl.col("group_type") == "all").select(
        pl.lit("school").alias("area_type"), pl.col("urn").alias("area_code"), "group_type", "group_value", *OUTCOMES
    )
    small = pl.concat([of_schools, in_areas]).filter(is_small(pl.col(outcome), THRESHOLD))
    return set(small.drop(OUTCOMES).iter_rows())


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(one_school, min_size=1, max_size=14), st.integers(0, 10_000))
def test_no_hidden_count_can_be_brought_down_to_fewer_values_than_the_threshold(school_list, seed):
    schools, counts = make_la(school_list, seed)
    hidden = hide(counts, schools)
    for outcome in OUTCOMES:
        assert small_cells(counts, schools, outcome) <= hidden[outcome]
    assert narrowest(counts, schools, hidden) >= THRESHOLD - 1e-6


def primary_schools(*not_met: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Primary schools without a trust, of 20 pupils who meet it and some who do not, without groups."""
    schools, _ = make_la([("Primary", None, 0, 1.0)] * len(not_met), seed=len(not_met))
    return schools, as_counts({(urn, *ALL): [20, n] for urn, n in zip(schools["urn"], not_met, strict=True)})


def only_small(counts: pl.DataFrame, schools: pl.DataFrame) -> dict[str, set[tuple]]:
    return {outcome: small_cells(counts, schools, outcome) for outcome in OUTCOMES}


def test_the_attacker_finds_a_small_count_that_is_hidden_alone():
    # 6 + 7 + 3 = 16: whoever knows the LA's 16 and the two others knows the 3
    schools, counts = primary_schools(6, 7, 3)
    assert narrowest(counts, schools, only_small(counts, schools)) == pytest.approx(0, abs=1e-6)
    assert narrowest(counts, schools, hide(counts, schools)) >= THRESHOLD


def test_the_attacker_finds_small_counts_whose_sum_is_small():
    # 1 + 3 = 4 of the LA's 24: neither can be more than 4
    schools, counts = primary_schools(1, 20, 3)
    assert narrowest(counts, schools, only_small(counts, schools)) == pytest.approx(4)
    assert narrowest(counts, schools, hide(counts, schools)) >= THRESHOLD


def test_the_attacker_finds_out_what_groups_tell_of_each_other():
    schools, counts = make_la([("Primary", None, 40, 0.8)] * 5, seed=3)
    hidden = hide(counts, schools)
    alone = {o: {cell for cell in cells if cell[2] == "all" or cell[3] == "MSI"} for o, cells in hidden.items()}
    assert alone != hidden
    assert narrowest(counts, schools, alone, most=99) < THRESHOLD - 1e-6


def test_a_school_that_knows_its_own_figures_learns_no_small_count_of_another():
    # 20 and 3 together are 23, safe for a stranger; but whoever has the 20 has the 3
    schools, counts = primary_schools(20, 3, 9, 8)
    hidden = hide(counts, schools)["not_met"]
    together = [n for urn, n in zip(schools["urn"], [20, 3, 9, 8], strict=True) if ("school", urn, *ALL) in hidden]
    assert 3 in together
    assert all(sum(together) - own >= THRESHOLD for own in together)


def test_nothing_is_hidden_where_nothing_is_small():
    schools, counts = primary_schools(6, 0, 12)
    assert hide(counts, schools) == {"met": set(), "not_met": set()}


def test_a_whole_las_small_count_hides_the_figure_everywhere():
    schools, counts = primary_schools(0, 3, 0)
    hidden = hide(counts, schools)
    assert {cell[:2] for cell in hidden["not_met"]} == {
        ("la", "801"),
        ("phase", "Primary"),
        *(("school", urn) for urn in schools["urn"]),
    }


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.lists(one_school, min_size=2, max_size=40), st.integers(0, 10_000))
def test_the_same_figures_hide_the_same_cells_in_any_export(school_list, seed):
    """Whatever other terms and in whatever order, and whether or not there are schools without a figure."""
    schools, counts = make_la(school_list, seed)
    figures = set(counts["urn"].unique().sort()[1:])
    earlier = counts.filter(pl.col("urn").is_in(figures))
    later = pl.concat(
        [earlier.sample(fraction=1, shuffle=True, seed=1), counts.with_columns(term=pl.lit("2025-26-spring"))]
    )
    of_earlier, of_later = (
        [part.filter(pl.col("term") == "2025-26-autumn") for part in hidden_counts(c, OUTCOMES, s, THRESHOLD, GROUPS)]
        for c, s in ((earlier, schools.filter(pl.col("urn").is_in(figures))), (later, schools))
    )
    # an area in which no school has a figure is listed in neither
    for one, other in zip(of_earlier, of_later, strict=True):
        assert set(one.iter_rows()) == set(other.iter_rows())


def test_a_figure_that_was_small_when_it_was_published_stays_hidden_with_the_same_schools():
    # 3 became 0: were its company shown now, the 3 would be what they were together then, less what they are now
    schools, then = primary_schools(3, 9, 8, 7, 12, 11)
    now = then.with_columns(not_met=pl.when(not_met=3).then(0).otherwise("not_met"))
    hidden_then, hidden_now = (
        hide(counts, schools, was_small=was)["not_met"] for counts, was in ((then, None), (now, then.filter(not_met=3)))
    )
    assert hidden_then
    assert hidden_now >= hidden_then
    assert hide(now, schools)["not_met"] == set()


def of_both_exports(then: pl.DataFrame, now: pl.DataFrame, schools: pl.DataFrame, hidden: list[set[tuple]]) -> float:
    """The width to which who reads both exports can bring down the count that changed; the others are known not to have."""
    (changed,) = then.filter(pl.col("not_met") != now["not_met"])["urn"]
    shown = []
    for counts, hides, name in zip((then, now), hidden, (changed, f"{changed} now"), strict=True):
        sums, _ = published_sums(counts, "not_met", within_areas(schools), {}, hides)
        for parts, total in sums:
            shown.append(({(name if urn == changed else urn, *group): n for (urn, *group), n in parts.items()}, total))
    ((low, high),) = bounds(shown, [({(changed, *ALL): 1}, 0)])
    return high - low


def test_a_small_count_cannot_be_had_from_an_export_before_and_one_after_it_was_corrected():
    schools, then = primary_schools(3, 9, 8, 7, 12, 11)
    now = then.with_columns(not_met=pl.when(not_met=3).then(0).otherwise("not_met"))
    before = hide(then, schools)["not_met"]
    with_memory = hide(now, schools, was_small=then.filter(not_met=3))["not_met"]
    assert of_both_exports(then, now, schools, [before, with_memory]) >= THRESHOLD
    # and it could, were what it was forgotten: then what was hidden with it is shown
    assert of_both_exports(then, now, schools, [before, hide(now, schools)["not_met"]]) == pytest.approx(0, abs=1e-6)


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
