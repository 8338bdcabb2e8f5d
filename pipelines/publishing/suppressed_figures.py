"""The published figures as they may leave the analysts' own view: what is hidden is null, and marked (see suppressing.py)."""

import csv
from datetime import datetime

import duckdb
import polars as pl

from pipelines.publishing.suppressing import GROUP, KEY, areas_of, bands, hidden_counts, is_small
from pipelines.settings import SEEDS_DIR

SCHOOL = [*KEY, "urn"]
AREA = [*KEY, "area_type", "area_code", *GROUP]
PROVISIONS = ["K", "E", "N"]
BREAKDOWNS = ("need", "year_group", "sex")
# groups are given of the LA alone
GIVEN_OF_AREAS = "group_type = 'all' OR area_type = 'la'"
NOT_KNOWN = "not_known"  # of the census: neither autumn nor summer asks for the need

# what counts schools or pounds hides nothing
COUNTS_PUPILS = "indicator_id NOT LIKE 'SCH%' AND indicator_id <> 'RES01'"
ALL = pl.col("group_type") == "all"
COUNTS_NONE = pl.col("indicator_id").str.starts_with("SCH") | (pl.col("indicator_id") == "RES01")
# groups of NPR03's referrals: where they were sent, and, of those not seen, who waits and who does no longer
OF_WAITS = {"standing": ["waiting", "ended"]}


def suppressed(
    connection: duckdb.DuckDBPyConnection, threshold: int, first_exported: datetime | None = None
) -> dict[str, pl.DataFrame]:
    """The figures of a snapshot (schema marts); what is hidden is null there, and true in the column `hides_...`. `first_exported`: when
    the first snapshot of which figures have left was published.

    - `indicator_values`: of all pupils of a school, as in the mart, with hides_numerator, hides_denominator, hides_unknown and
      hides_value (value, interval and rating: hidden with the numerator);
    - `indicator_values_area`: as in the mart, of all pupils, and of the LA's groups, likewise; also rows without a pupil, where it is
      hidden that there is none;
    - `waiting_times`: as in the mart (of the LA by service too), with hides_referrals, hides_seen, hides_unknown and
      hides_value (the days); hides_still_waiting too, which is given of the LA and all services together;
    - `needs_profile`: term, area_type, area_code, breakdown (all; of the LA also need, year_group and sex), code, and the pupils
      K, E and N with hides_K, hides_E and hides_N;
    - `amounts`: as in the mart, with hides_pupils (and the pounds a pupil).
    """
    lists = _code_lists()
    profile = {_of_profile(b): [*lists[b], NOT_KNOWN] for b in BREAKDOWNS}
    groups = _group_values(lists) | {"service": lists["service"]} | OF_WAITS | profile
    rates, needs = _counts_of_rates(connection).pl(), _counts_of_needs(connection, BREAKDOWNS).pl()
    of_schools, of_areas = _decide(connection, threshold, [rates, needs], first_exported, groups)
    figures = connection.sql("SELECT * FROM marts.indicator_values WHERE group_type = 'all'").pl()
    areas = connection.sql(
        f"SELECT *, 'duty' AS applies_as FROM marts.indicator_values_area WHERE {GIVEN_OF_AREAS}"
    ).pl()
    of_groups = pl.col("group_type").is_in(["all", *_group_values(lists)])
    return {
        "indicator_values": _hide_rates(figures, of_schools.drop("company"), SCHOOL, threshold),
        "indicator_values_area": _hide_rates(areas, of_areas.filter(of_groups), AREA, threshold).drop("applies_as"),
        "waiting_times": _hide_waits(connection, of_schools, of_areas, threshold),
        "needs_profile": _hide_needs(needs, of_schools, of_areas, areas_of(_schools(connection))),
        "amounts": _hide_amounts(connection.sql("SELECT * FROM marts.amounts").pl(), of_schools, threshold),
    }


def of_all_pupils(
    connection: duckdb.DuckDBPyConnection, threshold: int, terms: list[str], first_exported: datetime | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`indicator_values` and `indicator_values_area` of `suppressed`, of all pupils in some terms: the same cells are hidden, at a
    small part of the cost. Schools' figures have band_low and band_high too, as `suppressing.bands` gives them.
    """
    asked = ", ".join(f"'{term}'" for term in terms)
    in_terms = f"group_type = 'all' AND term IN ({asked})"
    rates, needs = (of.filter(in_terms).pl() for of in (_counts_of_rates(connection), _counts_of_needs(connection, ())))
    of_schools, of_areas = _decide(connection, threshold, [rates, needs], first_exported)
    figures = connection.execute(
        "SELECT * FROM marts.indicator_values WHERE group_type = 'all' AND list_contains(?, term)", [terms]
    ).pl()
    areas = connection.execute(
        """SELECT *, 'duty' AS applies_as FROM marts.indicator_values_area
        WHERE group_type = 'all' AND list_contains(?, term)""",
        [terms],
    ).pl()
    given = bands(rates.select(*SCHOOL, "met", "not_met"), of_schools, _indicators(connection), threshold)
    return (
        _hide_rates(figures, of_schools.drop("company"), SCHOOL, threshold).join(given, on=SCHOOL, how="left"),
        _hide_rates(areas, of_areas, AREA, threshold).drop("applies_as"),
    )


def _decide(
    connection: duckdb.DuckDBPyConnection,
    threshold: int,
    counts: list[pl.DataFrame],
    first_exported: datetime | None,
    groups: dict[str, list[str]] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    columns = [*SCHOOL, *GROUP, "met", "not_met", "unknown"]
    counted = pl.concat(part.select(columns) for part in counts)
    was_small = _once_small(connection, threshold).join(counted.select(KEY).unique(), on=KEY, how="semi")
    was_given = _once_given(connection, threshold, first_exported)
    return hidden_counts(
        counted, _indicators(connection), _schools(connection), threshold, groups, was_small, was_given
    )


def _of_profile(breakdown: str) -> str:
    """The group type of a breakdown of the needs profile: it has other values than the indicators' group of that name."""
    return f"profile_{breakdown}"


# ------------------------------------------------------------------------------------------------------ what is counted


def _indicators(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return connection.sql("SELECT id, counted_within, within_those, hidden_with FROM marts.indicators").pl()


def _schools(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return connection.sql(
        """SELECT s.urn, s.laestab, s.phase, s.trust_code, a.la_code,
            CASE WHEN p.school IS NULL THEN s.phase ELSE p.phase END AS first_phase,
            CASE WHEN p.school IS NULL THEN s.trust_code ELSE p.trust_code END AS first_trust_code
        FROM marts.schools AS s
        CROSS JOIN marts.snapshot AS a
        LEFT JOIN marts.school_places AS p ON p.school = coalesce(s.laestab, s.urn)"""
    ).pl()


def _counts_of_rates(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Pupils' indicators: a count of those who meet it, of those who do not, and of those of whom it is not known."""
    return connection.sql(
        f"""WITH figures AS (
            SELECT * FROM marts.indicator_values
            WHERE applies_as = 'duty' AND indicator_id <> 'OUT01' AND {COUNTS_PUPILS}
        ),
        waits AS (
            SELECT w.*, w.area_code AS urn FROM marts.waiting_times AS w
            SEMI JOIN (SELECT term, urn AS area_code FROM figures WHERE indicator_id = 'NPR03') USING (term, area_code)
            WHERE w.area_type = 'school'
        )
        SELECT indicator_id, term, urn, group_type, group_value, numerator AS met, denominator - numerator AS not_met,
            -- what is not known of MED01 is a school, not a pupil
            CASE WHEN indicator_id = 'MED01' THEN 0 ELSE unknown END AS unknown
        FROM figures
        UNION ALL
        SELECT 'NPR03', term, urn, 'service', service, seen, referrals - seen, unknown FROM waits WHERE service <> 'all'
        UNION ALL
        SELECT 'NPR03', term, urn, 'standing', 'waiting', 0, still_waiting, 0 FROM waits WHERE service = 'all'
        UNION ALL
        SELECT 'NPR03', term, urn, 'standing', 'ended', 0, referrals - seen - still_waiting, 0 FROM waits
        WHERE service = 'all'"""
    )


def _counts_of_needs(connection: duckdb.DuckDBPyConnection, breakdowns: tuple[str, ...]) -> duckdb.DuckDBPyRelation:
    """OUT01: of the pupils with SEN those with an EHC plan (met), and with SEN support (not_met); and pupils with neither (N); in
    all and by each breakdown. Of pupils without SEN a small number is none to hide.
    """
    kinds_of = [f"coalesce(sum(pupils) FILTER (provision = '{p}'), 0)::BIGINT" for p in PROVISIONS]
    kinds = ", ".join(f"{of} AS {p}" for of, p in zip(kinds_of, ("not_met", "met", "N"), strict=True))
    of_breakdowns = "".join(
        f""" UNION ALL
        SELECT 'OUT01', term, area_code, '{_of_profile(b)}', coalesce({b}, '{NOT_KNOWN}'), {kinds}, 0::BIGINT
        FROM profile {"WHERE provision <> 'N'" if b == "need" else ""} GROUP BY ALL"""
        for b in breakdowns
    )
    return connection.sql(
        f"""WITH profile AS (SELECT * FROM marts.needs_profile WHERE area_type = 'school')
        -- what the profile does not have of a school's figure is one kind
        SELECT f.indicator_id, f.term, f.urn, 'all' AS group_type, 'all' AS group_value,
            CASE WHEN count(p.pupils) > 0 THEN {kinds_of[0]} ELSE any_value(f.numerator) END AS not_met,
            {kinds_of[1]} AS met,
            CASE WHEN count(p.pupils) > 0 THEN {kinds_of[2]} ELSE any_value(f.denominator - f.numerator) END AS N,
            0::BIGINT AS unknown
        FROM marts.indicator_values AS f
        LEFT JOIN profile AS p ON f.term = p.term AND f.urn = p.area_code
        WHERE f.indicator_id = 'OUT01' AND f.group_type = 'all' AND f.applies_as = 'duty'
        GROUP BY f.indicator_id, f.term, f.urn
        {of_breakdowns}"""
    )


def _once_given(
    connection: duckdb.DuckDBPyConnection, threshold: int, first_exported: datetime | None
) -> pl.DataFrame | None:
    """indicator_id, term and urn of schools' figures without a small count that have changed since they may have left."""
    if first_exported is None:
        return None
    return connection.execute(
        f"""WITH given AS (
            SELECT *, numerator_from AS met, denominator_from - numerator_from AS not_met, unknown_from AS unknown
            FROM marts.restatements
            WHERE area_type = 'school' AND group_type = 'all' AND numerator_from IS NOT NULL AND published_at > ?
        )
        SELECT DISTINCT indicator_id, term, area_code AS urn FROM given WHERE NOT ({_any_small(threshold)})""",
        [first_exported],
    ).pl()


def _once_small(connection: duckdb.DuckDBPyConnection, threshold: int) -> pl.DataFrame:
    """Schools' figures as an earlier snapshot had them, where a count was small and has changed since; as `hidden_counts` takes them."""
    return connection.sql(
        f"""WITH once AS (
            SELECT indicator_id, term, area_code AS urn, published_at,
                -- which of OUT01's pupils had a plan was not kept
                CASE WHEN indicator_id = 'OUT01' THEN 0 ELSE numerator_from END AS met,
                CASE WHEN indicator_id = 'OUT01' THEN numerator_from ELSE denominator_from - numerator_from END AS not_met,
                CASE WHEN indicator_id IN ('OUT01', 'MED01') THEN 0 ELSE unknown_from END AS unknown
            FROM marts.restatements WHERE area_type = 'school' AND group_type = 'all'
        )
        SELECT indicator_id, term, urn, met, not_met, unknown FROM once WHERE {_any_small(threshold)} ORDER BY published_at"""
    ).pl()


def _any_small(threshold: int) -> str:
    counts = ("met", "not_met", "met + not_met", "met + not_met + unknown")
    return " OR ".join(f"{count} BETWEEN 1 AND {threshold - 1}" for count in counts)


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


def _hide_rates(figures: pl.DataFrame, decided: pl.DataFrame, grain: list[str], threshold: int) -> pl.DataFrame:
    """Figures without what is hidden; also of areas without a pupil where that is hidden."""
    # OUT01 is a figure of all pupils with SEN; how many have none goes with it
    of_profile = pl.col("indicator_id") == "OUT01"
    decided = decided.with_columns(
        pl.when(of_profile).then("hides_known").otherwise(c).alias(c) for c in ("hides_met", "hides_not_met")
    )
    counts = {"hides_met": pl.col("numerator"), "hides_not_met": pl.col("denominator") - pl.col("numerator")}
    small = {
        hides: is_small(n, threshold) & ~COUNTS_NONE & ~(of_profile & (hides == "hides_not_met"))
        for hides, n in counts.items()
    }
    # good practice is in no area's figure, so nothing gives it away; what nothing was decided of is hidden
    undecided = (
        pl.when(COUNTS_NONE)
        .then(False)
        .when(pl.col("applies_as") == "good_practice")
        .then(pl.any_horizontal(small.values()))
        .otherwise(True)
    )
    # what is small is hidden whatever was decided: of an area that were not the sum of its schools, too
    joined = figures.join(decided, on=grain, how="full" if grain == AREA else "left", coalesce=True).with_columns(
        *(pl.col(hides).fill_null(undecided) | of_small.fill_null(False) for hides, of_small in small.items()),
        pl.col("hides_known").fill_null(undecided)
        | (is_small(pl.col("denominator"), threshold) & ~COUNTS_NONE & ~of_profile).fill_null(False),
    )
    either = pl.col("hides_met") | pl.col("hides_not_met")
    return (
        joined.filter(pl.col("numerator").is_not_null() | either | pl.col("hides_known"))
        .with_columns(pl.col("numerator", "denominator", "unknown").fill_null(0))
        .with_columns(
            hides_numerator="hides_met",
            hides_denominator="hides_known",
            # most figures have nobody of whom it is not known: that is shown
            hides_unknown=pl.col("hides_known") & (pl.col("unknown").max().over(KEY) > 0),
            hides_value=either,
        )
        .with_columns(
            *(pl.when(f"hides_{c}").then(None).otherwise(c).alias(c) for c in ("numerator", "denominator", "unknown")),
            *(
                pl.when("hides_value").then(None).otherwise(c).alias(c)
                for c in ("value", "lower_95", "upper_95", "rag")
            ),
        )
        .drop("hides_met", "hides_not_met", "hides_known")
    )


def _hide_waits(
    connection: duckdb.DuckDBPyConnection, of_schools: pl.DataFrame, of_areas: pl.DataFrame, threshold: int
) -> pl.DataFrame:
    """Waiting times; `of_schools`, `of_areas`: what is decided of NPR03, by service and by standing too."""
    npr03 = pl.col("indicator_id") == "NPR03"
    hides = ["hides_known", "hides_met", "hides_not_met"]
    areas, grain = of_areas.filter(npr03), ["term", "area_type", "area_code", "service"]
    schools = of_schools.filter(npr03).with_columns(area_type=pl.lit("school"), area_code="urn", service=pl.lit("all"))
    by_service = areas.filter(ALL | (pl.col("group_type") == "service")).with_columns(service="group_value")
    decided = pl.concat([schools.select(*grain, *hides), by_service.select(*grain, *hides)])
    waiting = areas.filter(group_type="standing", group_value="waiting").select(
        *grain[:3], pl.lit("all").alias("service"), hides_waiting="hides_not_met"
    )
    counts = ("referrals", "seen", "still_waiting", "unknown")
    not_seen = pl.col("referrals") - pl.col("seen")
    small = {"hides_known": pl.col("referrals"), "hides_met": pl.col("seen"), "hides_not_met": not_seen}
    either = pl.col("hides_met") | pl.col("hides_not_met")
    return (
        connection.sql("SELECT * FROM marts.waiting_times WHERE area_type = 'la' OR service = 'all'")
        .pl()
        .join(decided, on=grain, how="full", coalesce=True)
        .join(waiting, on=grain, how="left")
        .with_columns(
            pl.col(h).fill_null(True) | is_small(count, threshold).fill_null(False) for h, count in small.items()
        )
        .filter(pl.col("referrals").is_not_null() | either | pl.col("hides_known"))
        .with_columns(pl.col(counts).fill_null(0))
        .with_columns(
            hides_referrals="hides_known",
            hides_seen="hides_met",
            hides_unknown=pl.col("hides_known") & (pl.col("unknown").max().over("term") > 0),
            hides_value=either,
            # where it was not decided it is known only that nobody waits where everybody was seen
            hides_still_waiting=pl.col("hides_waiting").fill_null(pl.col("hides_not_met") | (not_seen > 0))
            | is_small(pl.col("still_waiting"), threshold),
        )
        .with_columns(
            *(pl.when(f"hides_{c}").then(None).otherwise(c).alias(c) for c in counts),
            *(pl.when("hides_value").then(None).otherwise(c).alias(c) for c in ("median_days", "ninetieth_days")),
        )
        .drop(*hides, "hides_waiting")
    )


def _hide_needs(
    needs: pl.DataFrame, of_schools: pl.DataFrame, of_areas: pl.DataFrame, areas: pl.DataFrame
) -> pl.DataFrame:
    """The needs profile of schools and areas (all pupils), and of the LA by need, year group and sex."""
    out01 = pl.col("indicator_id") == "OUT01"
    counts = {"K": "not_met", "E": "met", "N": "N"}
    kinds, hides = [pl.col(c).alias(kind) for kind, c in counts.items()], [f"hides_{kind}" for kind in counts]
    decided = {"hides_K": "hides_not_met", "hides_E": "hides_met", "hides_N": "hides_known"}
    totals = (
        needs.filter(ALL)
        .join(of_schools, on=SCHOOL, how="left")
        .with_columns(area_type=pl.lit("school"), area_code="urn")
    )
    in_areas = (
        needs.join(areas, on="urn")
        .filter(ALL | (pl.col("area_type") == "la"))
        .group_by(AREA)
        .agg(pl.col(list(counts.values())).sum())
        .join(
            of_areas.filter(out01, ALL | pl.col("group_type").is_in([_of_profile(b) for b in BREAKDOWNS])),
            on=AREA,
            how="full",
            coalesce=True,
        )
        .with_columns(pl.col(list(counts.values())).fill_null(0))
    )
    columns = [
        "term",
        "area_type",
        "area_code",
        pl.col("group_type").str.strip_prefix(_of_profile("")).alias("breakdown"),
        pl.col("group_value").alias("code"),
    ]
    return (
        pl.concat(
            part.select(*columns, *kinds, *(pl.col(c).fill_null(True).alias(h) for h, c in decided.items()))
            for part in (totals, in_areas)
        )
        .filter(pl.any_horizontal(*(pl.col(kind) > 0 for kind in counts), *hides, pl.col("breakdown") == "all"))
        .with_columns(pl.when(f"hides_{kind}").then(None).otherwise(kind).alias(kind) for kind in counts)
    )


def _hide_amounts(amounts: pl.DataFrame, of_schools: pl.DataFrame, threshold: int) -> pl.DataFrame:
    """Amounts: how many pupils a school has on its register, and so the pounds a pupil; no area's pupils are given."""
    on_register = of_schools.filter(pl.col("indicator_id") == "PLN02").select("term", "urn", hides_pupils="hides_known")
    return (
        amounts.join(on_register, on=["term", "urn"], how="left")
        .with_columns(pl.col("hides_pupils").fill_null(True) | is_small(pl.col("pupils"), threshold).fill_null(False))
        .with_columns(pl.when("hides_pupils").then(None).otherwise(c).alias(c) for c in ("pupils", "per_pupil"))
    )
