"""Small counts of pupils, and what would give them away, are hidden in everything that leaves the analysts' own view.

**Small** is a count of pupils from 1 up to SEN_SUPPRESSION_THRESHOLD - 1: of those who meet an indicator, who do not, or of
whom it is not known. DfE leaves the threshold to each release (its symbol is `c`; the releases on EHC plans and on SEN in England
hide nothing of an LA, tables of single schools mostly what is below 5), so 5 is the setting's default. A nought is shown, and so are
0 % and 100 %: that a school does what it must for all of its pupils is what its figures are for. A school's arrangements
(SCH) count schools, RES01 counts pounds: neither is hidden.

**Company.** Every school has a fixed place in a tree: nearest it are schools of its phase and trust, then of its phase, then
of phases that are usually small (`places_in_tree`). A school with a small count is hidden together with the schools below
the nearest branch whose sums are all safe to know: none is small, and none is small without any one school of the branch,
so that a school that knows itself learns nothing. An area is shown where it cuts through no such branch. Hence everything
shown is a function of the sums of whole branches, each of them safe, and every way of sharing a branch's sums among its
schools fits all that is shown: a hidden count may be anything from 0 to such a sum.

**Groups** (need, sex, ...) are shown for areas, not for a single school, where nearly every group is small. A group that is
small in the whole LA is hidden everywhere, with the next smallest until their sum is safe; then each branch must be safe for
every group, and so wide that what schools show of all their pupils fixes no group of theirs.

What this holds, for one threshold: the same figures hide the same cells in any export, whatever terms and formats it has; of
terms whose years overlap nothing that they share is published; a new or closed school changes no other's company. A figure
that was small when it was published stays hidden, with the same schools, after it is restated (`marts.restatements`).

What it does not hold: who knows that two indicators count the same pupils, or one a group of another (LAC01 those looked
after), can compare their denominators, and so learn how many are unknown; schools that put their own figures together know
more than one; a school that moves to another trust or phase has other company, in past terms too, and a figure that becomes
small after it was shown can be had from what was shown then: do not give exports from before and after to the same reader.
Nor does it hide a change: two exports tell by how much a sum has moved.
"""

import hashlib
from itertools import pairwise

import polars as pl

# phases that are usually small come first: each finds its company among those before it
PHASES = (
    "Nursery",
    "16 plus",
    "All-through",
    "Middle deemed primary",
    "Middle deemed secondary",
    "Not applicable",
    "Secondary",
    "Primary",
)
# places of a hash: as many as a phase, and a trust, of the largest LA has schools; a few share one
PHASE_BITS, TRUST_BITS = 10, 6

KEY = ["indicator_id", "term"]


def hidden_counts(
    counts: pl.DataFrame,
    outcomes: list[str],
    schools: pl.DataFrame,
    threshold: int,
    groups: dict[str, list[str]] | None = None,
    was_small: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Which counts of schools, and of areas and their groups, are hidden.

    `counts`: indicator_id, term, urn, group_type, group_value and a count for each of the `outcomes`, which hide each other (whoever
    knows two of met, not met and both knows the third); a row for `all` for every school that has a figure. `schools`: urn,
    laestab, phase, trust_code, la_code. `groups`: every value that a group type may have. `was_small`: indicator_id, term, urn and
    the outcomes of figures as they were published when a count of theirs was small.

    Gives indicator_id, term, urn, and indicator_id, term, area_type, area_code, group_type, group_value; each with `hides_<outcome>`.
    """
    tree = places_in_tree(schools)
    areas = areas_of(schools).join(tree.select("urn", "place"), on="urn").drop("urn")
    keys = counts.select(KEY).unique(maintain_order=True).with_row_index("k")
    counts = counts.join(keys, on=KEY).join(tree.select("urn", "place"), on="urn")
    figures = _hide_totals(counts, outcomes, tree, keys, threshold, was_small)
    of_schools = figures.join(keys, on="k").join(tree.select("urn", "place"), on="place")
    of_areas = [_hide_areas(figures, areas, outcomes)]
    for group_type, values in (groups or {}).items():
        cells = counts.filter(pl.col("group_type") == group_type).select("k", "place", "group_value", *outcomes)
        if not cells.is_empty():
            of_areas.append(_hide_groups(cells, group_type, values, figures, outcomes, tree, areas, threshold))
    hides = [f"hides_{o}" for o in outcomes]
    return (
        of_schools.select(*KEY, "urn", *hides),
        pl.concat(of_areas)
        .join(keys, on="k")
        .select(*KEY, "area_type", "area_code", "group_type", "group_value", *hides),
    )


def areas_of(schools: pl.DataFrame) -> pl.DataFrame:
    """urn, area_type, area_code: the areas that a school is counted in."""
    of = {"la": "la_code", "phase": "phase", "trust": "trust_code"}
    return pl.concat(
        schools.select("urn", pl.lit(kind).alias("area_type"), pl.col(column).alias("area_code"))
        for kind, column in of.items()
    ).filter(pl.col("area_code") != "")


def _hide_totals(
    counts: pl.DataFrame,
    outcomes: list[str],
    tree: pl.DataFrame,
    keys: pl.DataFrame,
    threshold: int,
    was_small: pl.DataFrame | None,
) -> pl.DataFrame:
    """The figures of all pupils: k, place, the outcomes, level and branch (null where it is shown), and of each outcome
    `known_...` (the school's, or the sum of those that it is hidden with) and `hides_...`.
    """
    totals = counts.filter(pl.col("group_type") == "all").select("k", "place", *outcomes)
    needs = pl.any_horizontal(is_small(pl.col(o), threshold) for o in outcomes)

    def company(figures: pl.DataFrame, needs: pl.Expr, level: pl.Expr) -> pl.DataFrame:
        none = {f"{part}_{o}": pl.lit(0, pl.Int64) for part in ("total", "shown") for o in outcomes}
        members = figures.with_columns(needs.alias("needs"), level.alias("level"), **none)
        return _in_company(figures.with_columns(column=pl.lit(0)), outcomes, members, tree, threshold)

    level = pl.lit(0, pl.UInt8)
    if was_small is not None and not was_small.is_empty():
        # who was hidden stays hidden, with at least those with whom it was
        was = was_small.join(keys, on=KEY).join(tree.select("urn", "place"), on="urn").select("k", "place", *outcomes)
        then = totals.join(was.select("k").unique(), on="k").update(was.unique(["k", "place"]), on=["k", "place"])
        before = company(then, needs, level).drop_nulls("branch").select("k", "place", before="level")
        totals = totals.join(before, on=["k", "place"], how="left")
        needs, level = needs | pl.col("before").is_not_null(), pl.col("before").fill_null(0)
    found = company(totals, needs, level)
    figures = totals.select("k", "place", *outcomes).join(found, on=["k", "place"], how="left")
    is_hidden, is_alone = pl.col("level").is_not_null(), pl.col("branch").is_null()
    return figures.with_columns(
        pl.when(is_alone).then(o).otherwise(pl.col(o).sum().over("k", "level", "branch")).alias(f"known_{o}")
        for o in outcomes
    ).with_columns((is_hidden & (is_alone | (pl.col(f"known_{o}") > 0))).alias(f"hides_{o}") for o in outcomes)


def _hide_areas(figures: pl.DataFrame, areas: pl.DataFrame, outcomes: list[str]) -> pl.DataFrame:
    """Areas of all pupils: hidden where they cut through a hidden branch."""
    branch, area = ["k", "level", "branch"], ["k", "area_type", "area_code"]
    held = [pl.col(f"hides_{o}").sum().alias(o) for o in outcomes]
    company = figures.filter(pl.col("level").is_not_null())
    whole = company.group_by(branch).agg(held)
    parts = company.join(areas, on="place").group_by(*branch, *area[1:]).agg(held)
    cut = (
        parts.join(whole, on=branch, suffix="_whole", nulls_equal=True)
        .group_by(area)
        .agg(
            ((pl.col(o) > 0) & (pl.col("branch").is_null() | (pl.col(o) < pl.col(f"{o}_whole"))))
            .any()
            .alias(f"hides_{o}")
            for o in outcomes
        )
    )
    all_areas = figures.select("k", "place").join(areas, on="place").select(area).unique()
    return all_areas.join(cut, on=area, how="left").select(
        *area,
        pl.lit("all").alias("group_type"),
        pl.lit("all").alias("group_value"),
        *(pl.col(f"hides_{o}").fill_null(False) for o in outcomes),
    )


RARE = -1  # the column of the groups that are hidden everywhere


def _hide_groups(cells, group_type, values, figures, outcomes, tree, areas, threshold):
    """The groups of one type, of areas."""
    rare = _rare_groups(cells, values, outcomes, threshold)
    numbers = {value: number for number, value in enumerate(values)}
    column = pl.col("group_value").replace_strict(numbers, return_dtype=pl.Int32)
    merged = (
        cells.join(rare, on=["k", "group_value"], how="left")
        .with_columns(column=pl.when("is_rare").then(RARE).otherwise(column))
        .group_by("k", "place", "column")
        .agg(pl.col(outcomes).sum())
    )
    members = figures.join(cells.select("k").unique(), on="k").select(
        "k",
        "place",
        needs=pl.lit(True),
        level=pl.col("level").fill_null(0),
        in_company=pl.col("level").is_not_null(),
        **{f"total_{o}": o for o in outcomes},
        **{f"shown_{o}": pl.when(pl.col("level").is_null()).then(o).otherwise(0) for o in outcomes},
        **{f"known_{o}": f"known_{o}" for o in outcomes},
    )
    together = ["k", "level", "branch"]
    company = _in_company(merged, outcomes, members, tree, threshold)
    placed = company.join(members.drop("level"), on=["k", "place"])
    # who could hold pupils of a group: any of them, or, where all the branch's pupils are in it, only who is hidden itself
    could = [pl.col(f"known_{o}") > 0 for o in outcomes]
    free = [c.sum().alias(f"any_{o}") for o, c in zip(outcomes, could, strict=True)] + [
        (c & pl.col("in_company")).sum().alias(f"unit_{o}") for o, c in zip(outcomes, could, strict=True)
    ]
    whole = placed.group_by(together).agg(*free, pl.col([f"total_{o}" for o in outcomes]).sum())
    parts = placed.join(areas, on="place").group_by(*together, "area_type", "area_code").agg(free)
    sums = merged.join(company, on=["k", "place"]).group_by(*together, "column").agg(pl.col(outcomes).sum())
    listed = (
        cells.select("k")
        .unique()
        .join(pl.DataFrame({"group_value": values}), how="cross")
        .join(rare, on=["k", "group_value"], how="left")
        .with_columns(
            column=pl.when("is_rare").then(RARE).otherwise(column), is_rare=pl.col("is_rare").fill_null(False)
        )
    )
    at = ["k", "area_type", "area_code", "column"]
    cut = (
        parts.join(whole, on=together, suffix="_whole", nulls_equal=True)
        .join(listed.select("k", "column").unique(), on="k")
        .join(sums, on=[*together, "column"], how="left", nulls_equal=True)
        .group_by(at)
        .agg(_is_cut(o).any().alias(f"cut_{o}") for o in outcomes)
    )
    of_rare = merged.filter(pl.col("column") == RARE).join(areas, on="place").group_by(at).agg(pl.col(outcomes).sum())
    return (
        listed.join(cut, on=["k", "column"])
        .join(of_rare, on=at, how="left")
        .select(
            "k",
            "area_type",
            "area_code",
            pl.lit(group_type).alias("group_type"),
            "group_value",
            *(
                (pl.col(f"cut_{o}") | (pl.col("is_rare") & (pl.col(o) > 0).fill_null(False))).alias(f"hides_{o}")
                for o in outcomes
            ),
        )
    )


def _is_cut(outcome: str) -> pl.Expr:
    """Whether an area holds some but not all of a branch's schools that may hold pupils of a group."""
    count, total = pl.col(outcome).fill_null(0), pl.col(f"total_{outcome}")
    inside, outside = (
        pl.when(pl.col("branch").is_null())
        .then(f"any_{outcome}{suffix}")
        .when(count == 0)
        .then(0)
        .when(count == total)
        .then(f"unit_{outcome}{suffix}")
        .otherwise(f"any_{outcome}{suffix}")
        for suffix in ("", "_whole")
    )
    return (inside > 0) & (pl.col("branch").is_null() | (inside < outside))


def _rare_groups(cells: pl.DataFrame, values: list[str], outcomes: list[str], threshold: int) -> pl.DataFrame:
    """k, group_value, is_rare (true) of the groups that are hidden everywhere: those not safe in the whole LA, and the next smallest.

    Groups without a pupil are with them, so that being listed does not tell that there is one.
    """
    of_la = cells.group_by("k", "group_value").agg(
        pl.col(outcomes).sum(), *(pl.col(o).max().alias(f"most_{o}") for o in outcomes)
    )
    is_safe = pl.all_horizontal(
        (pl.col(o) == 0)
        | (
            (pl.col(o) >= threshold)
            & (pl.col(o) - pl.col(f"most_{o}")).pipe(lambda others: (others == 0) | (others >= threshold))
        )
        for o in outcomes
    )
    ordered = (
        cells.select("k")
        .unique()
        .join(pl.DataFrame({"group_value": values}), how="cross")
        .join(of_la, on=["k", "group_value"], how="left")
        .with_columns(pl.selectors.numeric().exclude("k").fill_null(0))
        .with_columns(unsafe=(~is_safe).cast(pl.Int32), size=pl.sum_horizontal(outcomes))
        .sort("k", (pl.col("size") > 0) & (pl.col("unsafe") == 0), "size", "group_value")
    )
    to_come = pl.col("unsafe").sum().over("k") - pl.col("unsafe").cum_sum().over("k")
    sums = {o: pl.col(o).cum_sum().over("k") for o in outcomes}
    # one school has of them all at most what one has of each
    others = {o: sums[o] - pl.col(f"most_{o}").cum_sum().over("k") for o in outcomes}
    is_enough = pl.all_horizontal((sums[o] == 0) | (others[o] >= threshold) for o in outcomes) & (pl.col("size") > 0)
    return (
        ordered.with_columns(
            ends=(is_enough & (to_come == 0)).cast(pl.Int32), any_unsafe=pl.col("unsafe").sum().over("k") > 0
        )
        .filter("any_unsafe", pl.col("ends").cum_sum().over("k") - pl.col("ends") == 0)
        .select("k", "group_value", is_rare=True)
    )


def places_in_tree(schools: pl.DataFrame) -> pl.DataFrame:
    """Where each school stands in the tree: `place`, and the branch that holds it at every level, `branch_1` the nearest.

    `schools`: urn, laestab, phase, trust_code. The last branch is the LA. Places come from the school's LAESTAB (kept when it
    becomes an academy, as a rule) and not from who else is there: a branch of an earlier export has at most gained or lost members.
    """
    own = schools.select(
        "urn",
        phase=pl.col("phase").fill_null(""),
        own=_hashed(pl.coalesce("laestab", "urn")),
        # a school without a trust stands where a trust of its own would
        trust=_hashed(pl.coalesce(pl.col("trust_code").replace("", None), "laestab", "urn")),
    )
    rank = {phase: place for place, phase in enumerate(PHASES, start=1)}
    ranked = pl.col("phase").replace_strict(rank, default=0, return_dtype=pl.Int64)
    branches = [
        *(pl.struct("phase", "trust", pl.col("own") // 2**cut) for cut in range(PHASE_BITS - TRUST_BITS, PHASE_BITS)),
        *(pl.struct("phase", pl.col("trust") // 2**cut) for cut in range(PHASE_BITS + 1)),
        *(pl.when(ranked <= upto).then(pl.lit("")).otherwise("phase") for upto in range(len(PHASES))),
        pl.lit(""),
    ]
    placed = own.select("urn", *(b.rank("dense").cast(pl.UInt32).alias(f"b{n}") for n, b in enumerate(branches)))
    # a level whose branches hold the same schools as those of the level before decides nothing
    columns = placed.columns[1:]
    kept = [
        c
        for before, c in zip([None, *columns], columns, strict=False)
        if before is None or placed[c].n_unique() < placed[before].n_unique()
    ]
    return placed.select(
        "urn",
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("place"),
        *(pl.col(c).alias(f"branch_{n}") for n, c in enumerate(kept, start=1)),
    )


def _hashed(key: pl.Expr) -> pl.Expr:
    """The first bits of a text's SHA-256: the same on every machine, in every version."""
    return key.map_elements(
        lambda text: int.from_bytes(hashlib.sha256(text.encode()).digest()[:2]) >> (16 - PHASE_BITS),
        return_dtype=pl.Int64,
    )


def is_small(count: pl.Expr, threshold: int) -> pl.Expr:
    """Whether a count of pupils is one to hide."""
    return count.is_between(1, threshold - 1)


def _in_company(
    cells: pl.DataFrame, outcomes: list[str], members: pl.DataFrame, tree: pl.DataFrame, threshold: int
) -> pl.DataFrame:
    """With whom each school is hidden: k, place, branch, level; branch null where no branch is safe, no row where it is not hidden.

    `cells`: k (number of the figure), place, column (of a group), and a count an outcome. `members`: k, place, needs (whether it is to be
    hidden), level (of the branch that must be within it); an outcome's total over all groups, and `shown_...`: the same where the school shows it.
    """
    most, shown = [f"most_{o}" for o in outcomes], [f"shown_{o}" for o in outcomes]
    totals = [f"total_{o}" for o in outcomes]
    sums = cells.select(
        "k", "place", "column", *outcomes, *(pl.col(o).alias(m) for o, m in zip(outcomes, most, strict=True))
    )
    state = members.select("k", "place", "needs", "level", *totals, *shown)
    found = members.select("k", "place", home="place").with_columns(
        branch=pl.lit(None, pl.UInt32), level=pl.lit(0, pl.UInt8)
    )
    branches = ["place", *tree.columns[2:]]
    for level, (child, parent) in enumerate(pairwise(branches), start=1):
        up = tree.select(pl.col(child).alias("place"), pl.col(parent).alias("to")).unique()
        sums = _climb(sums, up, ["k", "to", "column"], outcomes, most)
        state = _climb(state, up, ["k", "to"], totals, ["needs", "level", *shown])
        found = found.join(up, on="place").with_columns(place="to").drop("to")
        safe = (
            sums.join(state.filter("needs", pl.col("level") <= level), on=["k", "place"])
            .group_by("k", "place")
            .agg(pl.all_horizontal(_is_safe(o, threshold) for o in outcomes).all().alias("is_safe"))
            .filter("is_safe")
            .select("k", "place", now=pl.lit(True))
        )
        if safe.is_empty():
            continue
        state = (
            state.join(safe, on=["k", "place"], how="left")
            .with_columns(pl.col("needs") & pl.col("now").is_null())
            .drop("now")
        )
        found = (
            found.join(safe, on=["k", "place"], how="left")
            .with_columns(
                branch=pl.when("now").then("place").otherwise("branch"),
                level=pl.when("now").then(pl.lit(level, pl.UInt8)).otherwise("level"),
            )
            .drop("now")
        )
    hopeless = state.filter("needs").select("k", hopeless=pl.lit(True))
    return (
        found.join(hopeless, on="k", how="left")
        .filter(pl.col("hopeless") | (pl.col("level") > 0))
        .select(
            "k",
            place="home",
            branch=pl.when("hopeless").then(None).otherwise("branch"),
            level=pl.when("hopeless").then(pl.lit(len(branches), pl.UInt8)).otherwise("level"),
        )
    )


def _climb(at: pl.DataFrame, up: pl.DataFrame, by: list[str], sums: list[str], most: list[str]) -> pl.DataFrame:
    """From branches to those that hold them: some columns added up, of others the greatest."""
    return at.join(up, on="place").group_by(by).agg(pl.col(sums).sum(), pl.col(most).max()).rename({"to": "place"})


def _is_safe(outcome: str, threshold: int) -> pl.Expr:
    """Whether one group's sum over a branch may be known, and fixes nothing where schools show their totals."""
    count, most, total, shown = (pl.col(f"{part}{outcome}") for part in ("", "most_", "total_", "shown_"))
    others = count - most
    return (
        (count == 0)
        | (count == total)  # all are in this group: each school's are what it shows of all its pupils
        | (
            (count >= threshold)
            & ((others == 0) | (others >= threshold))
            & ((shown == 0) | ((total - shown >= threshold) & (total - count >= threshold)))
        )
    )
