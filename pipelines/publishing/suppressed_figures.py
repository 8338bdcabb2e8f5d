"""The published figures as they may leave the analysts' own view: what is hidden is null, and marked (see suppressing.py)."""

import csv

import duckdb
import polars as pl

from pipelines.publishing.suppressing import KEY, areas_of, hidden_counts, is_small
from pipelines.settings import SEEDS_DIR

SCHOOL = [*KEY, "urn"]
GROUP = ["group_type", "group_value"]
AREA = [*KEY, "area_type", "area_code", *GROUP]
PROVISIONS = ["K", "E", "N"]
BREAKDOWNS = ("need", "year_group", "sex")
NOT_KNOWN = "not_known"  # of the census: neither autumn nor summer asks for the need

# what counts schools or pounds hides nothing; OUT01 is judged by the needs profile, which says more of it
COUNTS_PUPILS = "indicator_id NOT LIKE 'SCH%' AND indicator_id NOT IN ('RES01', 'OUT01')"
# groups of NPR03's referrals: where they were sent, and, of those not seen, who waits and who does no longer
OF_WAITS = pl.col("group_type").is_in(["service", "standing"])
ALL = pl.col("group_type") == "all"
COUNTS_NONE = pl.col("indicator_id").str.starts_with("SCH") | (pl.col("indicator_id") == "RES01")


def suppressed(connection: duckdb.DuckDBPyConnection, threshold: int) -> dict[str, pl.DataFrame]:
    """The figures of a snapshot (schema marts); what is hidden is null there, and true in the column `hides_...`.

    - `indicator_values`: of all pupils of a school, as in the mart, with hides_numerator, hides_denominator, hides_unknown and
      hides_value (value, interval and rating: hidden with the numerator or the denominator);
    - `indicator_values_area`: as in the mart, of all pupils and of groups, likewise; also rows without a pupil, where it is
      hidden that there is none, and none of the groups of a phase or trust of which no rate may be known;
    - `waiting_times`: as in the mart (of schools all services together), with hides_referrals, hides_seen, hides_unknown and
      hides_value (the days); hides_still_waiting too, which is given of areas and all services together;
    - `needs_profile`: term, area_type, area_code, breakdown (all, need, year_group or sex; of schools all), code, and the pupils
      K, E and N with hides_K, hides_E and hides_N;
    - `amounts`: as in the mart, with hides_pupils (and the pounds a pupil).
    """
    schools = _schools(connection)
    lists = _code_lists()
    groups = _group_values(lists)
    services = {"service": lists["service"]}
    # of OUT01 it is kept in two kinds how it was
    once = _once_small(connection, threshold).with_columns(K="met", E=0, N="not_met")

    def decide(counts: pl.DataFrame, outcomes: list[str], of: dict[str, list[str]] | None = None):
        was_small = (
            once.select(*SCHOOL, pl.col(outcomes).cast(pl.Int64)) if set(outcomes) <= set(once.columns) else None
        )
        return hidden_counts(counts, outcomes, schools, threshold, of, was_small)

    rates, needs = _counts_of_rates(connection), _counts_of_needs(connection)
    met, met_area = decide(rates, ["met", "not_met"], groups | services | {"standing": ["waiting", "ended"]})
    pupils, pupils_area = decide(needs, PROVISIONS, {b: [*lists[b], NOT_KNOWN] for b in BREAKDOWNS})
    all_counted = [*SCHOOL, *GROUP, "unknown"]
    with_unknown = pl.concat([rates.select(all_counted), needs.filter(ALL).select(all_counted)])
    # most figures have no pupil of whom it is not known: that is shown, and nothing is to be decided
    none_unknown = with_unknown.group_by(KEY).agg(pl.col("unknown").sum()).filter(unknown=0).select(*KEY, none=True)
    unknown, unknown_area = decide(with_unknown.join(none_unknown, on=KEY, how="anti"), ["unknown"], groups | services)
    amounts = connection.sql("SELECT * FROM marts.amounts").pl()
    on_register, _ = decide(
        amounts.select(
            pl.lit("RES01").alias("indicator_id"),
            "term",
            "urn",
            group_type=pl.lit("all"),
            group_value=pl.lit("all"),
            pupils="pupils",
        ),
        ["pupils"],
    )
    not_unknown = pl.when("none").then(False).otherwise("hides_unknown").alias("hides_unknown")
    of_schools, of_areas = (
        pl.concat([of_met, _in_two(of_pupils)])
        .join(of_unknown, on=grain, how="full", coalesce=True)
        .join(none_unknown, on=KEY, how="left")
        .with_columns(not_unknown)
        .drop("none")
        for of_met, of_pupils, of_unknown, grain in (
            (met, pupils, unknown, SCHOOL),
            (met_area, pupils_area.filter(ALL), unknown_area, AREA),
        )
    )
    figures = connection.sql("SELECT * FROM marts.indicator_values WHERE group_type = 'all'").pl()
    figures_of_areas = connection.sql("SELECT *, 'duty' AS applies_as FROM marts.indicator_values_area").pl()
    return {
        "indicator_values": _hide_rates(figures, of_schools, SCHOOL, threshold),
        "indicator_values_area": _worth_listing(
            _hide_rates(figures_of_areas, of_areas.filter(~OF_WAITS), AREA, threshold).drop("applies_as"),
            [*KEY, "area_type", "area_code", "group_type"],
            ALL,
            ["denominator"],
        ),
        "waiting_times": _worth_listing(
            _hide_waits(connection, of_schools, of_areas, threshold),
            ["term", "area_type", "area_code", pl.col("service") == "all"],
            pl.col("service") == "all",
            ["referrals"],
        ),
        "needs_profile": _worth_listing(
            _hide_needs(needs, pupils, pupils_area, areas_of(schools)),
            ["term", "area_type", "area_code", "breakdown"],
            pl.col("breakdown") == "all",
            PROVISIONS,
        ),
        "amounts": _hide_amounts(amounts, on_register),
    }


def rates_of_areas(connection: duckdb.DuckDBPyConnection, threshold: int, terms: list[str]) -> pl.DataFrame:
    """`indicator_values_area` of `suppressed`, of all pupils in some terms: the same cells are hidden, at a small part of the
    cost. How many are unknown is not there, and OUT01, which is judged by its needs, is hidden.
    """
    counts = connection.execute(
        f"""SELECT indicator_id, term, urn, group_type, group_value, numerator AS met, denominator - numerator AS not_met
        FROM marts.indicator_values
        WHERE applies_as = 'duty' AND {COUNTS_PUPILS} AND group_type = 'all' AND list_contains(?, term)""",
        [terms],
    ).pl()
    outcomes = ["met", "not_met"]
    was_small = _once_small(connection, threshold).select(*SCHOOL, *outcomes)
    _, decided = hidden_counts(counts, outcomes, _schools(connection), threshold, None, was_small)
    figures = connection.execute(
        """SELECT *, 'duty' AS applies_as FROM marts.indicator_values_area
        WHERE group_type = 'all' AND list_contains(?, term)""",
        [terms],
    ).pl()
    decided = decided.with_columns(hides_unknown=pl.lit(False))
    return _hide_rates(figures, decided, AREA, threshold).drop("applies_as", "unknown", "hides_unknown")


# ------------------------------------------------------------------------------------------------------ what is counted


def _schools(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return connection.sql(
        "SELECT s.urn, s.laestab, s.phase, s.trust_code, a.la_code FROM marts.schools AS s CROSS JOIN marts.snapshot AS a"
    ).pl()


def _counts_of_rates(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Pupils' indicators: a count of those who meet it, of those who do not, and of those of whom it is not known."""
    return connection.sql(
        f"""WITH figures AS (SELECT * FROM marts.indicator_values WHERE applies_as = 'duty' AND {COUNTS_PUPILS}),
        waits AS (
            SELECT w.*, w.area_code AS urn FROM marts.waiting_times AS w
            SEMI JOIN (SELECT term, urn AS area_code FROM figures WHERE indicator_id = 'NPR03') USING (term, area_code)
            WHERE w.area_type = 'school'
        )
        SELECT indicator_id, term, urn, group_type, group_value, numerator AS met, denominator - numerator AS not_met, unknown
        FROM figures
        UNION ALL
        SELECT 'NPR03', term, urn, 'service', service, seen, referrals - seen, unknown FROM waits WHERE service <> 'all'
        UNION ALL
        SELECT 'NPR03', term, urn, 'standing', 'waiting', 0, still_waiting, 0 FROM waits WHERE service = 'all'
        UNION ALL
        SELECT 'NPR03', term, urn, 'standing', 'ended', 0, referrals - seen - still_waiting, 0 FROM waits
        WHERE service = 'all'"""
    ).pl()


def _counts_of_needs(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """OUT01: pupils with SEN support, an EHC plan and neither, in all and by each breakdown."""
    kinds_of = [f"coalesce(sum(pupils) FILTER (provision = '{p}'), 0)::BIGINT" for p in PROVISIONS]
    kinds = ", ".join(f"{of} AS {p}" for of, p in zip(kinds_of, PROVISIONS, strict=True))
    of_breakdowns = " UNION ALL ".join(
        f"""SELECT 'OUT01' AS indicator_id, term, area_code AS urn, '{b}' AS group_type, coalesce({b}, '{NOT_KNOWN}') AS group_value,
            {kinds}, 0::BIGINT AS unknown
        FROM profile {"WHERE provision <> 'N'" if b == "need" else ""} GROUP BY ALL"""
        for b in BREAKDOWNS
    )
    return connection.sql(
        f"""WITH profile AS (SELECT * FROM marts.needs_profile WHERE area_type = 'school')
        -- what the profile does not have of a school's figure is one kind
        SELECT f.indicator_id, f.term, f.urn, 'all' AS group_type, 'all' AS group_value,
            CASE WHEN count(p.pupils) > 0 THEN {kinds_of[0]} ELSE any_value(f.numerator) END AS K,
            {kinds_of[1]} AS E,
            CASE WHEN count(p.pupils) > 0 THEN {kinds_of[2]} ELSE any_value(f.denominator - f.numerator) END AS N,
            any_value(f.unknown) AS unknown
        FROM marts.indicator_values AS f
        LEFT JOIN profile AS p ON f.term = p.term AND f.urn = p.area_code
        WHERE f.indicator_id = 'OUT01' AND f.group_type = 'all' AND f.applies_as = 'duty'
        GROUP BY f.indicator_id, f.term, f.urn
        UNION ALL {of_breakdowns}"""
    ).pl()


def _once_small(connection: duckdb.DuckDBPyConnection, threshold: int) -> pl.DataFrame:
    """Schools' figures as an earlier snapshot had them, where a count was small and has changed since."""
    counts = ("numerator_from", "denominator_from - numerator_from", "unknown_from")
    small = " OR ".join(f"{count} BETWEEN 1 AND {threshold - 1}" for count in counts)
    return connection.sql(
        f"""SELECT indicator_id, term, area_code AS urn, numerator_from AS met, denominator_from - numerator_from AS not_met,
            unknown_from AS unknown
        FROM marts.restatements WHERE area_type = 'school' AND group_type = 'all' AND ({small}) ORDER BY published_at"""
    ).pl()


def _code_lists() -> dict[str, list[str]]:
    """Code list -> its codes, in order."""
    with (SEEDS_DIR / "code_lists.csv").open(newline="", encoding="utf-8") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: int(row["position"]))
    return {
        name: [row["code"] for row in rows if row["code_list"] == name] for name in {row["code_list"] for row in rows}
    }


def _group_values(lists: dict[str, list[str]]) -> dict[str, list[str]]:
    """Every value that a group type of the indicators may have: what is listed must not depend on what was counted."""
    with (SEEDS_DIR / "year_group_phases.csv").open(newline="", encoding="utf-8") as lines:
        phases = list(dict.fromkeys(row["phase"] for row in csv.DictReader(lines)))
    yes_no = ["Y", "N"]
    return {
        "provision": ["K", "E"],
        "need": lists["need"],
        "sex": lists["sex"],
        "phase": phases,
        "looked_after": yes_no,
        "top_up": yes_no,
    }


# ------------------------------------------------------------------------------------------------------- what is hidden


def _in_two(decided: pl.DataFrame) -> pl.DataFrame:
    """OUT01, of which the profile counts three kinds: a kind that is hidden hides the half that it belongs to."""
    return decided.select(
        pl.exclude("^hides_.*$"), hides_met=pl.col("hides_K") | pl.col("hides_E"), hides_not_met="hides_N"
    )


def _hide_rates(figures: pl.DataFrame, decided: pl.DataFrame, grain: list[str], threshold: int) -> pl.DataFrame:
    """Figures without what is hidden; also of areas without a pupil where that is hidden."""
    kinds = {
        "hides_met": pl.col("numerator"),
        "hides_not_met": pl.col("denominator") - pl.col("numerator"),
        "hides_unknown": pl.col("unknown"),
    }
    has_small = pl.any_horizontal(is_small(count, threshold) for count in kinds.values())
    # good practice is in no area's figure, so nothing gives it away; what nothing was decided of is hidden
    undecided = (
        pl.when(COUNTS_NONE).then(False).when(pl.col("applies_as") == "good_practice").then(has_small).otherwise(True)
    )
    joined = figures.join(decided, on=grain, how="full" if grain == AREA else "left", coalesce=True).with_columns(
        pl.col(hides).fill_null(undecided) | _is_small_itself(count, threshold, ~COUNTS_NONE)
        for hides, count in kinds.items()
    )
    either = pl.col("hides_met") | pl.col("hides_not_met")
    return (
        joined.filter(pl.col("numerator").is_not_null() | either | pl.col("hides_unknown"))
        .with_columns(pl.col("numerator", "denominator", "unknown").fill_null(0))
        .with_columns(
            hides_numerator="hides_met", hides_denominator=either, hides_unknown="hides_unknown", hides_value=either
        )
        .with_columns(
            *(pl.when(f"hides_{c}").then(None).otherwise(c).alias(c) for c in ("numerator", "denominator", "unknown")),
            *(
                pl.when("hides_value").then(None).otherwise(c).alias(c)
                for c in ("value", "lower_95", "upper_95", "rag")
            ),
        )
        .drop("hides_met", "hides_not_met")
    )


def _worth_listing(
    figures: pl.DataFrame, groups: list[str | pl.Expr], is_all: pl.Expr, shown: list[str]
) -> pl.DataFrame:
    """Without the groups of a phase or trust of which no figure is left: they would be most of the rows."""
    is_left = pl.any_horizontal((pl.col(c) > 0).fill_null(False) for c in shown).any().over(groups)
    return figures.filter(is_all | (pl.col("area_type") == "la") | is_left)


def _is_small_itself(count: pl.Expr, threshold: int, counts_pupils: pl.Expr | bool = True) -> pl.Expr:
    """What is small is hidden whatever was decided: of an area that were not the sum of its schools, too."""
    return (is_small(count, threshold) & counts_pupils).fill_null(False)


def _hide_waits(
    connection: duckdb.DuckDBPyConnection, of_schools: pl.DataFrame, of_areas: pl.DataFrame, threshold: int
) -> pl.DataFrame:
    """Waiting times; `of_schools`, `of_areas`: what is decided of NPR03, by service and by standing too."""
    npr03 = pl.col("indicator_id") == "NPR03"
    hides = ["hides_met", "hides_not_met", "hides_unknown"]
    areas, grain = of_areas.filter(npr03), ["term", "area_type", "area_code", "service"]
    schools = of_schools.filter(npr03).with_columns(area_type=pl.lit("school"), area_code="urn", service=pl.lit("all"))
    by_service = areas.filter(ALL | (pl.col("group_type") == "service")).with_columns(service="group_value")
    decided = pl.concat([schools.select(*grain, *hides), by_service.select(*grain, *hides)])
    waiting = areas.filter(group_type="standing", group_value="waiting").select(
        *grain[:3], pl.lit("all").alias("service"), hides_waiting="hides_not_met"
    )
    counts = ("referrals", "seen", "still_waiting", "unknown")
    not_seen = pl.col("referrals") - pl.col("seen")
    small = {"hides_met": pl.col("seen"), "hides_not_met": not_seen, "hides_unknown": pl.col("unknown")}
    either = pl.col("hides_met") | pl.col("hides_not_met")
    return (
        connection.sql("SELECT * FROM marts.waiting_times WHERE area_type <> 'school' OR service = 'all'")
        .pl()
        .join(decided, on=grain, how="full", coalesce=True)
        .join(waiting, on=grain, how="left")
        .with_columns(pl.col(h).fill_null(True) | _is_small_itself(count, threshold) for h, count in small.items())
        .filter(pl.col("referrals").is_not_null() | either | pl.col("hides_unknown"))
        .with_columns(pl.col(counts).fill_null(0))
        .with_columns(
            hides_referrals=either,
            hides_seen="hides_met",
            hides_value=either,
            # where it was not decided it is known only that nobody waits where everybody was seen
            hides_still_waiting=pl.col("hides_waiting").fill_null(pl.col("hides_not_met") | (not_seen > 0))
            | _is_small_itself(pl.col("still_waiting"), threshold),
        )
        .with_columns(
            *(pl.when(f"hides_{c}").then(None).otherwise(c).alias(c) for c in counts),
            *(pl.when("hides_value").then(None).otherwise(c).alias(c) for c in ("median_days", "ninetieth_days")),
        )
        .drop("hides_met", "hides_not_met", "hides_waiting")
    )


def _hide_needs(
    needs: pl.DataFrame, of_schools: pl.DataFrame, of_areas: pl.DataFrame, areas: pl.DataFrame
) -> pl.DataFrame:
    """The needs profile of schools (all pupils) and of areas (also by need, year group and sex)."""
    kinds = list(PROVISIONS)
    totals = (
        needs.filter(pl.col("group_type") == "all")
        .join(of_schools, on=SCHOOL, how="left")
        .with_columns(area_type=pl.lit("school"), area_code="urn")
    )
    in_areas = (
        needs.join(areas, on="urn")
        .group_by(AREA)
        .agg(pl.col(kinds).sum())
        .join(of_areas, on=AREA, how="full", coalesce=True)
        .with_columns(pl.col(kinds).fill_null(0))
    )
    hides = [f"hides_{kind}" for kind in kinds]
    columns = [
        "term",
        "area_type",
        "area_code",
        pl.col("group_type").alias("breakdown"),
        pl.col("group_value").alias("code"),
    ]
    return (
        pl.concat(part.select(*columns, *kinds, *hides) for part in (totals, in_areas))
        .with_columns(pl.col(hides).fill_null(True))
        .filter(pl.any_horizontal(*(pl.col(kind) > 0 for kind in kinds), *hides, pl.col("breakdown") == "all"))
        .with_columns(pl.when(f"hides_{kind}").then(None).otherwise(kind).alias(kind) for kind in kinds)
    )


def _hide_amounts(amounts: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Amounts: how many pupils a school has, and so the pounds a pupil; no area's pupils are given."""
    return (
        amounts.join(decided.select("term", "urn", "hides_pupils"), on=["term", "urn"], how="left")
        .with_columns(pl.col("hides_pupils").fill_null(True))
        .with_columns(pl.when("hides_pupils").then(None).otherwise(c).alias(c) for c in ("pupils", "per_pupil"))
    )
