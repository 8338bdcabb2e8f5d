"""What changed since the term before, as counts and lists that a page puts into words."""

from dataclasses import dataclass

import duckdb
import polars as pl

from dashboards.queries import admissions, ask, cases, returns


@dataclass(frozen=True)
class Change:
    """A list of things in this term against the term before: how many now and before, how many are new and gone."""

    now: int
    before: int
    new: int
    gone: int


def _compared(now: pl.DataFrame, before: pl.DataFrame, key: list[str]) -> Change:
    now, before = now.unique(key), before.unique(key)
    both = len(now.join(before, on=key, how="semi"))
    return Change(len(now), len(before), len(now) - both, len(before) - both)


def of_cases(
    connection: duckdb.DuckDBPyConnection, term: str, previous: str | None, urn: str | None
) -> dict[str, Change]:
    """Pupils with an unmet support case: `specialist` (no referral) and `not_known`."""
    now, before = (cases.unmet_in(connection, which, urn) for which in (term, previous))
    not_known = pl.col("trigger") == "progress_not_known"
    return {
        "specialist": _compared(now.filter(~not_known), before.filter(~not_known), ["pupil_key"]),
        "not_known": _compared(now.filter(not_known), before.filter(not_known), ["pupil_key"]),
    }


def was_counted(connection: duckdb.DuckDBPyConnection, term: str | None, indicator_id: str) -> bool:
    """Whether the indicator had any unit in a term: in the first terms, one that looks back has none."""
    sql = "select count(*) > 0 as found from marts.indicator_units where term = $term and indicator_id = $indicator_id"
    return ask(connection, sql, term=term, indicator_id=indicator_id).item()


def of_admissions(connection: duckdb.DuckDBPyConnection, term: str, previous: str | None, urn: str | None) -> Change:
    """Plans due and not admitted."""
    now, before = (admissions.not_made_in(connection, which, urn) for which in (term, previous))
    return _compared(now, before, ["pupil_key", "urn", "named_date"])


def of_missing(connection: duckdb.DuckDBPyConnection, term: str, previous: str | None) -> Change:
    """Schools without a usable return."""
    now = returns.missing(connection, term)
    before = returns.missing(connection, previous) if previous else now.clear()
    return _compared(now, before, ["urn"])
