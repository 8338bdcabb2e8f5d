"""Which schools to ring first, and why: points that anyone can add up again."""

from dataclasses import dataclass

import duckdb
import polars as pl

from dashboards.queries import ask
from dashboards.queries.admissions import NOT_MADE
from dashboards.queries.cases import UNMET
from dashboards.words import count_of


@dataclass(frozen=True)
class Weight:
    """What a reason to ring counts: points each, and at most in all, so that no one kind swamps the rest."""

    what: str
    each: int
    at_most: int


WEIGHTS = {
    "missing": Weight("No return for the term", 10, 10),
    "rejected": Weight("Return rejected", 10, 10),
    "admission": Weight("EHC plan named the school, admission due and not made", 4, 12),
    "case": Weight("Pupil who needs a specialist and has none involved", 2, 12),
    "red": Weight("Indicator in red", 3, 12),
    "not_known": Weight("Pupil whose progress is not known", 1, 6),
}

SHOWN = 3  # names of red indicators in a sentence
# what the other reasons already count, one by one
COUNTED_ELSEWHERE = ("NPR02", "NPR04", "NPR05", "EHC01", "EHC02", "SCH11")

_REASONS = f"""
    select urn, status as kind, 1 as n, null::bigint as longest, null::varchar as which
    from marts.returns
    where term = $term and is_due and status in ('missing', 'rejected')

    union all

    select urn, 'admission' as kind, count(*) as n, max(days_late)::bigint as longest, null as which
    from marts.ehc_admissions as plans
    where term = $term and {NOT_MADE}
    group by urn

    union all

    select
        urn, case when trigger = 'progress_not_known' then 'not_known' else 'case' end as kind,
        count(distinct pupil_key) as n, max(days_without_specialist)::bigint as longest, null as which
    from marts.support_cases
    where term = $term and {UNMET}
    group by all

    union all

    select
        urn, 'red' as kind, count(*) as n, null as longest,
        string_agg(name, '; ' order by position) as which
    from marts.indicator_values
    inner join marts.indicators on indicators.id = indicator_values.indicator_id
    where term = $term and group_type = 'all' and indicator_values.rag = 'red' and not list_contains($elsewhere, indicator_id)
    group by urn
"""


def to_ring(connection: duckdb.DuckDBPyConnection, term: str, urn: str | None = None) -> pl.DataFrame:
    """Schools with a reason to be rung, most points first: urn, name, phase, points, kinds and reasons (lists: keys of
    WEIGHTS, and the sentence of each).
    """
    sql = f"""
        select schools.urn, schools.name, schools.phase, reasons.kind, reasons.n, reasons.longest, reasons.which
        from ({_REASONS}) as reasons
        inner join marts.schools on schools.urn = reasons.urn
        where $urn::varchar is null or schools.urn = $urn
    """
    reasons = ask(connection, sql, term=term, urn=urn, elsewhere=list(COUNTED_ELSEWHERE))
    if reasons.is_empty():
        return pl.DataFrame(
            schema={
                "urn": pl.String,
                "name": pl.String,
                "phase": pl.String,
                "points": pl.Int64,
                "kinds": pl.List(pl.String),
                "reasons": pl.List(pl.String),
            }
        )
    weights = pl.DataFrame(
        [
            {"kind": kind, "each": weight.each, "at_most": weight.at_most, "position": position}
            for position, (kind, weight) in enumerate(WEIGHTS.items())
        ]
    )
    return (
        reasons.join(weights, on="kind")
        .with_columns(
            points=pl.min_horizontal(pl.col("n") * pl.col("each"), "at_most"),
            reason=pl.struct("kind", "n", "longest", "which").map_elements(_sentence, return_dtype=pl.String),
        )
        .sort("position")
        .group_by("urn", "name", "phase", maintain_order=True)
        .agg(
            pl.col("points").sum(),
            pl.col("kind").alias("kinds"),
            pl.col("reason").alias("reasons"),
            pl.col("longest").max(),
        )
        .sort("points", "longest", "name", descending=[True, True, False], nulls_last=True)
        .drop("longest")
    )


def _sentence(reason: dict) -> str:
    number, longest = reason["n"], reason["longest"]
    for_days = f", {'' if number == 1 else 'the longest '}for {count_of(longest, 'day')}" if longest else ""
    match reason["kind"]:
        case "missing":
            return "No return for this term"
        case "rejected":
            return "The return was rejected: nothing of it is counted"
        case "admission":
            return f"{count_of(number, 'EHC plan')} named the school, and the admission is due and not made{for_days}"
        case "case":
            return f"{count_of(number, 'pupil')} needing a specialist and none involved{for_days}"
        case "not_known":
            return f"Progress not known for {count_of(number, 'pupil')}"
        case _:
            names = reason["which"].split("; ")
            more = f"; and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            return f"{count_of(number, 'indicator')} in red: {'; '.join(names[:SHOWN])}{more}"
