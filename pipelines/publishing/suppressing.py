"""Small counts of pupils, and what would give them away, are hidden in everything that leaves the analysts' own view.

**Small** is a count of pupils from 1 up to SEN_SUPPRESSION_THRESHOLD - 1: of those who meet an indicator, of those who do not,
or of all whom it counts. DfE leaves the threshold to each release (its symbol is `c`; the releases on EHC plans and on SEN in England
hide nothing of an LA, tables of single schools mostly what is below 5), so 5 is the setting's default. A nought is shown, and so are
0 % and 100 %: that a school does what it must for all of its pupils is what its figures are for. How many answers are not known
says nothing of any child: it is shown, and hidden, with its figure. A school's arrangements (SCH) count schools, RES01
counts pounds: neither is hidden.

**Company.** Every school has a fixed place in a tree: nearest it are schools of its phase and trust, then of its phase, then
of phases that are usually small (`places_in_tree`). A school with a small count is hidden together with the schools below
the nearest branch whose sums are all safe to know: none is small, and none is small without any one school of the branch,
so that a school that knows itself learns nothing. An area is shown where it cuts through no such branch. Hence everything
shown is a function of the sums of whole branches.

**Wholes.** Many indicators count the same pupils, reviews or plans, or some of them (`counted_within` of the indicators): who
reads one knows how many another counts. So the wholes are hidden first, and each indicator then with the same company or more;
a branch is safe only if it is so for a reader who knows the whole of every school in it. Two indicators of which one says
something of the other's counts (`hidden_with`) are hidden as one. What is left open is then this: children may change places
between the schools of a branch, each with all that is counted of it, and all that is shown stays as it is.

**Groups** (need, sex, ...) are shown of the whole LA, not of a phase, a trust or a school, where nearly every group is small. A
group that is small in the LA is hidden with the next smallest until their sum is safe.

**Bands.** A school's page for its governors may say in which quarter, or half, a hidden share lies (`bands`): where the count
may still be any of enough, with the pages of all schools side by side.

What this holds, for one threshold: the same figures hide the same cells in any export, whatever terms and formats it has; of
terms whose years overlap nothing that they share is published; a new or closed school, or one that moves to another trust or
phase, changes no other's company (`ledger.school_places`). A figure that was small when it was published stays hidden, with
the same schools, after it is restated (`marts.restatements`). Where a count becomes small by a correction after it was
exported, the figure is not given again for that term, of any school or area.

What it cannot: two exports tell by how much a sum has moved between them; and schools that put their own figures together know
more than one of them.
"""

import hashlib

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
GROUP = ["group_type", "group_value"]
COUNTS = ("known", "met", "not_met")
HIDES = [f"hides_{count}" for count in COUNTS]
# a reader who knows the wholes, and one school in full, is left with no less than two others
LEAST_BLOCKS = 3


def hidden_counts(
    counts: pl.DataFrame,
    indicators: pl.DataFrame,
    schools: pl.DataFrame,
    threshold: int,
    groups: dict[str, list[str]] | None = None,
    was_small: pl.DataFrame | None = None,
    was_given: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Which counts of schools, and of areas and the LA's groups, are hidden.

    `counts`: indicator_id, term, urn, group_type, group_value, met, not_met, unknown; a row for `all` for every school that has
    a figure. `indicators`: id, counted_within (whose units hold all of its own, or null), within_those (null: all of them; met or
    not_met), hidden_with (or null). `schools`: urn, laestab, phase, trust_code, la_code, first_phase and first_trust_code (when it was
    first published). `groups`: every value that a group type may have. `was_small`: indicator_id, term, urn, met, not_met and
    unknown of figures as they were published when a count of theirs was small. `was_given`: indicator_id, term and urn of figures
    that left in an earlier export, and have changed since.

    Gives indicator_id, term, urn, company (whose sums alone are known; null where no sum is); and indicator_id, term, area_type,
    area_code, group_type, group_value; each with hides_known (met and not_met together), hides_met and hides_not_met.
    """
    tree = places_in_tree(schools)
    areas = areas_of(schools).join(tree.select("urn", "place"), on="urn").drop("urn")
    totals = counts.filter(pl.col("group_type") == "all").drop(GROUP).join(tree.select("urn", "place"), on="urn")
    before = None
    if was_small is not None and not was_small.is_empty():
        # who was hidden stays hidden, with at least those with whom it was
        was = was_small.unique([*KEY, "urn"], keep="last", maintain_order=True)
        then = totals.join(was.select(KEY).unique(), on=KEY).update(was, on=[*KEY, "urn"])
        before = _find_company(_cells(then, indicators, "place"), tree, threshold, None)
    cells = _cells(totals, indicators, "place")
    if was_given is not None and not was_given.is_empty():
        before = _not_again(cells, was_given.join(tree.select("urn", "place"), on="urn"), tree, threshold, before)
    held = _held(cells, _find_company(cells, tree, threshold, before), "place").join(
        tree.select("urn", "place"), on="place"
    )
    of_areas = [_hidden_areas(held, areas)]
    for group_type, values in (groups or {}).items():
        of_type = counts.filter(pl.col("group_type") == group_type)
        if not of_type.is_empty():
            of_areas.append(_hidden_groups(of_type, values, indicators, of_areas[0], threshold))
    return _side_by_side(held, [*KEY, "urn"], pl.col("company").max()), pl.concat(of_areas)


def areas_of(schools: pl.DataFrame) -> pl.DataFrame:
    """urn, area_type, area_code: the areas that a school is counted in."""
    of = {"la": "la_code", "phase": "phase", "trust": "trust_code"}
    return pl.concat(
        schools.select("urn", pl.lit(kind).alias("area_type"), pl.col(column).alias("area_code"))
        for kind, column in of.items()
    ).filter(pl.col("area_code") != "")


def is_small(count: pl.Expr, threshold: int) -> pl.Expr:
    """Whether a count of pupils is one to hide."""
    return count.is_between(1, threshold - 1)


# ------------------------------------------------------------------------------------------------------------- company

# what is decided of after what; of all indicators the same, of those within counts of others the last two
WHOLES, KNOWN, COUNTED, KNOWN_OF_THOSE, COUNTED_OF_THOSE = range(5)


def _cells(counts: pl.DataFrame, indicators: pl.DataFrame, at: str) -> pl.DataFrame:
    """A row a count and place (or group): indicator_id, term, `at`, count, n, most (that one school has of it), and

    - step: one of WHOLES, ...; one: what it is hidden as (all counts that have the same are hidden together);
    - base: what it is counted within, as that is hidden; whole: how many there are (of a whole itself 0: it is within nothing).

    `counts`: indicator_id, term, `at`, met, not_met, unknown, and of groups most_met, most_not_met, most_known and most_all.
    """
    within = pl.coalesce("counted_within", "id")
    kinds = indicators.select(
        indicator_id="id",
        within=within,
        those=pl.col("within_those").fill_null("all"),
        base=pl.when(pl.col("within_those").is_null()).then(within + " (whole)").otherwise(within),
        one=pl.coalesce("hidden_with", "id"),
    )
    own = counts.join(kinds, on="indicator_id").with_columns(
        known=pl.col("met") + pl.col("not_met"), all=pl.sum_horizontal("met", "not_met", "unknown")
    )
    if "most_met" not in own.columns:
        own = own.with_columns(pl.col("met", "not_met", "known", "all").name.prefix("most_"))
    # of whom it is not known may be among those who meet it, or not
    may_be = [pl.col("all"), *(pl.col(c) + pl.col("unknown") for c in ("met", "not_met"))]
    of_base = own.select("term", at, *may_be, within="indicator_id").unpivot(
        ["all", "met", "not_met"], index=["within", "term", at], variable_name="those", value_name="whole"
    )
    # a base that has no figure there: as many as any within it counts
    whole = pl.max_horizontal("all", "whole").max().over("term", "base", at)
    own = own.join(of_base, on=["within", "those", "term", at], how="left").with_columns(whole=whole)
    is_whole, known = pl.col("those") == "all", pl.col("one") + " (known)"

    def rows(
        of: pl.DataFrame, count: str, step: pl.Expr, base: pl.Expr, one: pl.Expr, n: str, most: str, whole: pl.Expr
    ):
        parts = {"count": pl.lit(count), "step": step, "base": base, "one": one, "n": n, "most": most, "whole": whole}
        return of.select("indicator_id", "term", at, **parts)

    wholes = own.filter(is_whole).group_by("term", "base", at).agg(pl.col("whole", "most_all").max())
    wholes = wholes.with_columns(indicator_id="base")
    nothing, none = pl.lit(None, pl.String), pl.lit(0, pl.Int64)
    steps = {
        of: pl.when(is_whole).then(first).otherwise(last)
        for of, first, last in (("known", KNOWN, KNOWN_OF_THOSE), ("counted", COUNTED, COUNTED_OF_THOSE))
    }
    return pl.concat(
        [
            rows(wholes, "whole", pl.lit(WHOLES), nothing, pl.col("base"), "whole", "most_all", none),
            rows(own, "known", steps["known"], pl.col("base"), known, "known", "most_known", pl.col("whole")),
            *(
                rows(own, count, steps["counted"], known, pl.col("one"), count, f"most_{count}", pl.col("known"))
                for count in ("met", "not_met")
            ),
        ]
    )


def _find_company(cells: pl.DataFrame, tree: pl.DataFrame, threshold: int, before: pl.DataFrame | None) -> pl.DataFrame:
    """With whom everything is hidden, as `_in_company` gives it, step by step. `before`: nobody has less company than it had."""
    at = ["term", "one", "place"]
    found = pl.DataFrame(
        schema={"term": pl.String, "one": pl.String, "place": pl.UInt32, "level": pl.UInt8, "branch": pl.UInt32}
    )
    for _, each in sorted(cells.partition_by("step", as_dict=True).items()):
        each = _in_blocks(each, found, threshold)
        members = each.group_by(at).agg(
            is_small(pl.col("n"), threshold).any().alias("needs"), floor=pl.col("block_level").max()
        )
        if before is not None:
            members = members.join(before.select(*at, before="level"), on=at, how="left").with_columns(
                floor=pl.max_horizontal("floor", "before")
            )
        members = members.select(
            *at, needs=pl.col("needs") | pl.col("floor").is_not_null(), floor=pl.col("floor").fill_null(0)
        )
        found = pl.concat([found, _in_company(each, members, tree, _is_safe(threshold))])
    return found


def _not_again(
    cells: pl.DataFrame, was_given: pl.DataFrame, tree: pl.DataFrame, threshold: int, before: pl.DataFrame | None
) -> pl.DataFrame:
    """`before`, and beyond every branch the figures of which a count that was given has become small.

    Whoever has the earlier export knows the others: any sum of theirs with it would tell it.
    """
    small = cells.filter(is_small(pl.col("n"), threshold))
    told = small.join(was_given, on=["indicator_id", "term", "place"], how="semi").select("term", "one").unique()
    beyond = pl.lit(len(tree.columns), pl.UInt8)
    none = cells.join(told, on=["term", "one"], how="semi").select("term", "one", "place").unique()
    none = none.with_columns(level=beyond, branch=pl.lit(None, pl.UInt32))
    if before is None:
        return none
    return pl.concat([none, before.join(none, on=["term", "one", "place"], how="anti")])


def _in_blocks(cells: pl.DataFrame, found: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """`cells` as `_join_base` gives them, and blocks and large: 1 at one school of each block that has anybody of the base, and of each
    that has enough, else 0. A block is the schools whose base is hidden together, or one whose base is shown.
    """
    placed = _join_base(cells, found, "place")
    block = pl.when(pl.col("block_level").is_null()).then("place").otherwise(pl.col("block").fill_null(0))
    within = ["indicator_id", "term", "count", pl.col("block_level").fill_null(0), block]
    is_first, whole = pl.col("place") == pl.col("place").min().over(within), pl.col("whole").sum().over(within)
    return placed.with_columns(
        blocks=(is_first & (whole > 0)).cast(pl.Int64), large=(is_first & (whole >= threshold)).cast(pl.Int64)
    )


def _join_base(cells: pl.DataFrame, found: pl.DataFrame, at: str) -> pl.DataFrame:
    """`cells` with the level and the branch that the base of each is hidden in (block_level, block); null where it is shown."""
    bases = found.select("term", at, base="one", block_level="level", block="branch")
    return cells.join(bases, on=["term", "base", at], how="left")


def _in_company(cells: pl.DataFrame, members: pl.DataFrame, tree: pl.DataFrame, is_safe: pl.Expr) -> pl.DataFrame:
    """With whom each school is hidden: term, one, place, level, branch; branch null where none is safe, no row where it is not hidden.

    `cells`: as `_in_blocks` gives them. `members`: term, one, place, needs (whether it is to be hidden) and floor (the level of a branch
    that must be within its own, or 0). `is_safe`: of a branch's sums, and of the most that one school has of n and of the rest.
    """
    figure = ["term", "one"]
    needed = members.filter("needs").select(figure).unique()
    numbered = needed.with_row_index("k")
    members = members.join(numbered, on=figure).select("k", "place", "needs", "floor")
    cells = cells.join(numbered, on=figure).drop(figure)
    found = members.with_columns(level=pl.lit(None, pl.UInt8), branch=pl.lit(None, pl.UInt32))
    branches = tree.columns[2:]
    for level, column in enumerate(branches, start=1):
        up = tree.select("place", now=column)
        found = found.join(up, on="place")
        ready = found.group_by("k", "now").agg(pl.col("needs").any(), pl.col("floor").max())
        ready = ready.filter("needs", pl.col("floor") <= level).select("k", "now")
        safe = (
            cells.join(up, on="place")
            .join(ready, on=["k", "now"], how="semi")
            .group_by("k", "now", "indicator_id", "count")
            .agg(
                pl.col("n", "whole", "blocks", "large").sum(),
                pl.col("most").max(),
                most_rest=(pl.col("whole") - pl.col("n")).max(),
            )
            .group_by("k", "now")
            .agg(is_safe.all().alias("is_safe"))
            .filter("is_safe")
        )
        found = (
            found.join(safe, on=["k", "now"], how="left")
            .with_columns(
                needs=pl.col("needs") & pl.col("is_safe").is_null(),
                level=pl.when("is_safe").then(pl.lit(level, pl.UInt8)).otherwise("level"),
                branch=pl.when("is_safe").then("now").otherwise("branch"),
            )
            .drop("now", "is_safe")
        )
    hopeless = pl.col("needs").any().over("k")
    return (
        found.with_columns(
            level=pl.when(hopeless).then(pl.lit(len(branches) + 1, pl.UInt8)).otherwise("level"),
            branch=pl.when(hopeless).then(None).otherwise("branch"),
        )
        .filter(pl.col("level").is_not_null())
        .join(numbered, on="k")
        .select(*figure, "place", "level", "branch")
    )


def _sum_is_safe(total: pl.Expr, most: pl.Expr, threshold: int) -> pl.Expr:
    """Whether a sum may be known, to the school too that has most of it."""
    return (total == 0) | ((total >= threshold) & ((total - most >= threshold) | (total == most)))


def _is_safe(threshold: int) -> pl.Expr:
    """Whether a branch's sum may be known, to who knows of what it is counted within how many each of its blocks has.

    A school's count is at least what the others cannot have, and at most what the whole and the sum allow: with three blocks or more,
    each of at least the threshold, there is room. Where all or none of a whole are counted, the whole tells it.
    """
    rest = pl.col("whole") - pl.col("n")
    has_room = (rest > 0) & _sum_is_safe(rest, pl.col("most_rest"), threshold) & (pl.col("large") >= LEAST_BLOCKS)
    # a whole is within nothing: it has no block
    return (
        (pl.col("n") == 0)
        | (rest == 0)
        | (_sum_is_safe(pl.col("n"), pl.col("most"), threshold) & ((pl.col("blocks") <= 1) | has_room))
    )


# ----------------------------------------------------------------------------------------------------- what is hidden


def _held(cells: pl.DataFrame, found: pl.DataFrame, at: str) -> pl.DataFrame:
    """indicator_id, term, `at`, count (known, met, not_met), hides, level and branch that it is hidden in, and of counts company."""
    placed = _join_base(cells.filter(pl.col("step") > WHOLES), found, at)
    placed = placed.join(found, on=["term", "one", at], how="left")
    together = ["indicator_id", "term", "count", "level", "branch"]
    total, whole = pl.col("n").sum().over(together), pl.col("whole").sum().over(together)
    in_block = pl.col("block_level").is_not_null()
    # where all of the whole are counted it tells how many; where none are, the sum does
    hides = (
        pl.when(total == 0).then(False).when(total == whole).then(in_block).otherwise((pl.col("whole") > 0) | in_block)
    )
    company = pl.when(pl.col("count") != "known").then(pl.col("level").cast(pl.UInt64) * 2**32 + pl.col("branch"))
    of_block = pl.when(total == whole).then
    held = placed.select(
        "indicator_id",
        "term",
        at,
        "count",
        hides=pl.col("level").is_not_null() & hides,
        is_all=total == whole,
        level=of_block("block_level").otherwise("level"),
        branch=of_block("block").otherwise("branch"),
        company=company,
    )
    # hidden as one with another whose known are hidden: its own may be shown all the same, and tell what all of them are
    known_is_shown = ~(pl.col("hides") & (pl.col("count") == "known")).any().over("indicator_id", "term", at)
    told = (pl.col("count") != "known") & pl.col("is_all") & known_is_shown
    return held.with_columns(hides=pl.col("hides") & ~told).drop("is_all")


def _side_by_side(held: pl.DataFrame, of: list[str], *also: pl.Expr) -> pl.DataFrame:
    """A row of what is hidden a figure: hides_known, hides_met and hides_not_met."""
    hides = (((pl.col("count") == count) & pl.col("hides")).any().alias(f"hides_{count}") for count in COUNTS)
    return held.group_by(of, maintain_order=True).agg(*also, *hides)


def _hidden_areas(held: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Areas of all pupils: hidden where they cut through a branch that is hidden."""
    branch, area = ["indicator_id", "term", "count", "level", "branch"], ["area_type", "area_code"]
    company = held.filter("hides")
    parts = company.join(areas, on="place").group_by(*branch, *area).len("part")
    cut = (
        parts.join(company.group_by(branch).len("all"), on=branch, nulls_equal=True)
        .filter(pl.col("branch").is_null() | (pl.col("part") < pl.col("all")))
        .select(*KEY, "count", *area, hides=pl.lit(True))
        .unique()
    )
    listed = held.select(*KEY, "count", "place").join(areas, on="place").drop("place").unique(maintain_order=True)
    hidden = listed.join(cut, on=[*KEY, "count", *area], how="left").with_columns(pl.col("hides").fill_null(False))
    everybody = {"group_type": pl.lit("all"), "group_value": pl.lit("all")}
    return _side_by_side(hidden.with_columns(**everybody), [*KEY, *area, *GROUP])


def _hidden_groups(
    counts: pl.DataFrame, values: list[str], indicators: pl.DataFrame, of_areas: pl.DataFrame, threshold: int
) -> pl.DataFrame:
    """The groups of one type, of the whole LA; `of_areas` as `_hidden_areas` gives them."""
    group_type, kinds = counts["group_type"][0], ("met", "not_met", "unknown")
    known, everybody = pl.col("met") + pl.col("not_met"), pl.sum_horizontal(kinds)
    of_la = counts.group_by(*KEY, "group_value").agg(
        pl.col(kinds).sum(),
        pl.col("met", "not_met").max().name.prefix("most_"),
        known.max().alias("most_known"),
        everybody.max().alias("most_all"),
    )
    listed = of_la.select(KEY).unique().join(pl.DataFrame({"group_value": values}), how="cross")
    listed = listed.join(of_la, on=[*KEY, "group_value"], how="left").fill_null(0)
    cells = _cells(listed, indicators, "group_value")
    found = _find_rare(cells, threshold, cells.clear().select("term", "base"))
    la = of_areas.filter(area_type="la").unpivot(HIDES, index=[*KEY, "area_type", "area_code"], value_name="la_hides")
    la = la.with_columns(pl.col("variable").str.strip_prefix("hides_").alias("count")).drop("variable")
    return _side_by_side(
        _held(cells, found, "group_value")
        .join(la, on=[*KEY, "count"])
        .with_columns(pl.col("hides") | pl.col("la_hides"), group_type=pl.lit(group_type)),
        [*KEY, "area_type", "area_code", *GROUP],
    )


def _find_rare(cells: pl.DataFrame, threshold: int, in_full: pl.DataFrame) -> pl.DataFrame:
    """The groups that are hidden, step by step, as `_rare_groups` gives them; `in_full`: the bases (term, base) that show none."""
    at = ["term", "one", "group_value"]
    found = cells.clear().select(*at, level=pl.lit(1, pl.UInt8), branch=pl.lit(1, pl.UInt32))
    for step, each in sorted(cells.partition_by("step", as_dict=True).items()):
        if step == (WHOLES,):
            none = each.join(in_full, left_on=["term", "one"], right_on=["term", "base"], how="semi")
            found = pl.concat([found, none.select(*at, level=pl.lit(1, pl.UInt8), branch=pl.lit(1, pl.UInt32))])
            each = each.join(in_full, left_on=["term", "one"], right_on=["term", "base"], how="anti")
        found = pl.concat([found, _rare_groups(each, found, threshold)])
    # though all its groups are hidden: those of its base, less the few that are not counted, tell of them
    rest = pl.col("whole").sum() - pl.col("n").sum()
    told = (
        cells.filter(pl.col("step").is_in([KNOWN, KNOWN_OF_THOSE]))
        .join(found.with_columns(is_hidden=True), on=at, how="left")
        .group_by("indicator_id", "term", "base")
        .agg(is_told=pl.col("is_hidden").fill_null(False).all() & (rest > 0) & (rest < threshold))
        .filter("is_told")
        .select("term", "base")
        .join(in_full, on=["term", "base"], how="anti")
        .unique()
    )
    return found if told.is_empty() else _find_rare(cells, threshold, pl.concat([in_full, told]))


def _rare_groups(cells: pl.DataFrame, found: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """The groups that are hidden, as of one branch: those whose base is, those that are not safe, and the next smallest.

    `cells`: of every value that the group may have. Groups without a pupil are hidden with them, so that being listed does not tell
    that there is one. Gives term, one, group_value, level and branch.
    """
    figure, of_count = ["term", "one"], ["term", "one", "indicator_id", "count"]
    held = found.select("term", "group_value", base="one", is_forced=True)
    cells = cells.join(held, on=["term", "base", "group_value"], how="left").with_columns(
        pl.col("is_forced").fill_null(False),
        size=pl.max_horizontal("n", "whole").max().over(*figure, "group_value"),
        blocks=pl.lit(1),
        large=pl.lit(1),
        most_rest=pl.lit(0),
    )
    is_safe = _is_safe(threshold)
    unsafe = (pl.col("is_forced") | ~is_safe).any().over(*figure, "group_value")
    ordered = cells.with_columns(unsafe=unsafe).sort(
        *figure, (pl.col("size") > 0) & ~pl.col("unsafe"), "size", "group_value"
    )
    # those whose base is hidden are one block
    is_first = pl.col("is_forced").cum_sum().over(of_count) == 1
    leads = ((pl.col("whole") > 0) & (~pl.col("is_forced") | is_first)).cast(pl.Int64)
    # one school has of them all at most what one has of each
    summed = ordered.with_columns(blocks=leads, large=leads).with_columns(
        pl.col("n", "most", "blocks", "large", "whole").cum_sum().over(of_count)
    )
    ends = (
        summed.group_by(*figure, "group_value", maintain_order=True)
        .agg(is_safe.all().alias("is_safe"), pl.col("size", "unsafe").first())
        .with_columns(
            to_come=pl.col("unsafe").sum().over(figure) - pl.col("unsafe").cum_sum().over(figure),
            any_unsafe=((pl.col("size") > 0) & pl.col("unsafe")).any().over(figure),
        )
        .with_columns(ends=(pl.col("is_safe") & (pl.col("size") > 0) & (pl.col("to_come") == 0)).cast(pl.Int32))
    )
    return ends.filter("any_unsafe", pl.col("ends").cum_sum().over(figure) - pl.col("ends") == 0).select(
        *figure, "group_value", level=pl.lit(1, pl.UInt8), branch=pl.lit(1, pl.UInt32)
    )


# --------------------------------------------------------------------------------------------------------------- bands


def bands(counts: pl.DataFrame, hidden: pl.DataFrame, indicators: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """In which part a hidden share lies: indicator_id, term, urn, band_low, band_high (shares, 0 to 1) where that may be said.

    `counts`: indicator_id, term, urn, met, not_met; `hidden`: as `hidden_counts` gives schools; `indicators`: as it takes them. A band
    is a quarter where there are pupils enough for the threshold and one more in each, a half where there are in each half. Of a
    company all bands are given or none: with all of them side by side each of its counts must be left the threshold's width.
    Of two indicators of which one says something of the other's counts only that other has bands.
    """
    of = pl.col("met") + pl.col("not_met")
    says_nothing = pl.col("hidden_with").is_null() & pl.col("within_those").is_null()
    parts = (
        pl.when("hides_known")
        .then(1)
        .when(of >= 4 * (threshold + 1))
        .then(4)
        .when(of >= 2 * (threshold + 1))
        .then(2)
        .otherwise(1)
    )
    figures = (
        hidden.filter("hides_met")
        .join(indicators.filter(says_nothing).select(indicator_id="id"), on="indicator_id", how="semi")
        .join(counts, on=[*KEY, "urn"])
        .with_columns(of=of, parts=parts)
        .with_columns(part=pl.min_horizontal(pl.col("met") * pl.col("parts") // of, pl.col("parts") - 1))
        .with_columns(
            low=((pl.col("part") * pl.col("of")) / pl.col("parts")).ceil().cast(pl.Int64),
            high=pl.when(pl.col("part") == pl.col("parts") - 1)
            .then("of")
            .otherwise((((pl.col("part") + 1) * pl.col("of")) / pl.col("parts")).ceil().cast(pl.Int64) - 1),
        )
    )
    company = ["indicator_id", "term", "company"]
    above, below = (
        (pl.col("high") - pl.col("met")).sum().over(company),
        (pl.col("met") - pl.col("low")).sum().over(company),
    )
    # without a band it may not be known how many there are
    most = pl.when(pl.col("parts") > 1).then(pl.min_horizontal("high", pl.col("low") + below)).otherwise(below)
    width = most - pl.max_horizontal("low", pl.col("high") - above)
    # of no company no sum is known
    has_room = pl.col("company").is_null() | ((width >= threshold) | (pl.col("of") == 0)).all().over(company)
    return figures.filter(has_room, pl.col("parts") > 1).select(
        *KEY, "urn", band_low=pl.col("part") / pl.col("parts"), band_high=(pl.col("part") + 1) / pl.col("parts")
    )


# ---------------------------------------------------------------------------------------------------------------- tree


def places_in_tree(schools: pl.DataFrame) -> pl.DataFrame:
    """Where each school stands in the tree: `place`, and the branch that holds it at every level, `branch_1` the nearest.

    `schools`: urn, laestab, first_phase, first_trust_code. The last branch is the LA. Places come from the school's LAESTAB (kept when it
    becomes an academy, as a rule) and not from who else is there: a branch of an earlier export has at most gained or lost members.
    """
    own = schools.select(
        "urn",
        phase=pl.col("first_phase").fill_null(""),
        own=_hashed(pl.coalesce("laestab", "urn")),
        # a school without a trust stands where a trust of its own would
        trust=_hashed(pl.coalesce(pl.col("first_trust_code").replace("", None), "laestab", "urn")),
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
