"""No rule silently missing: for each school, term and rule one result, and why where it is neither holds nor broken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import polars as pl

from expectations.contracts import EXPLANATIONS
from expectations.suites import SHEETLESS, Rule, all_rules
from pipelines.settings import Settings
from pipelines.terms import load_calendar

SCHOOL = ("term", "urn")
NO_FILE = "no return this term"
NO_RETURN = "no return that could be used"
NOT_OPENED = "the file could not be read"
NO_SHEET = "sheet missing"
NO_ROWS = "no rows"
NO_COLUMN = "column missing"
# The LA's schools that are open on the as-at date; terms: a table of term, as_at_date, la_code.
SCHOOLS_OPEN = """
    SELECT terms.term, schools.urn FROM reference.schools AS schools, {terms} AS terms
    WHERE schools.la_code = terms.la_code
        AND coalesce(open_date, terms.as_at_date) <= terms.as_at_date
        AND coalesce(close_date, terms.as_at_date + 1) > terms.as_at_date
        AND status_code IS DISTINCT FROM '4'
        AND (status_code IS DISTINCT FROM '2' OR close_date IS NOT NULL)
"""
# of these no column is looked for
NO_COLUMNS = (*SHEETLESS, EXPLANATIONS.name)


@dataclass(frozen=True)
class Checked:
    """What was checked; each frame by term and urn.

    schools: return_id (null: no file). units: table_name, rows: what a school's rules of a table ran over; no row for a
    table that there was nothing of. columns: table_name, field of every column that was found. reasons: table_name,
    reason, why there are no rows. lacking: need, reason, what a rule may need and there is not. broken: rule_code, rows. follows: rule_code, follows_from. not_run: rule code -> kind
    of error.
    """

    schools: pl.DataFrame
    units: pl.DataFrame
    columns: pl.DataFrame
    reasons: pl.DataFrame
    lacking: pl.DataFrame
    broken: pl.DataFrame
    follows: pl.DataFrame
    not_run: Mapping[str, str]


def rule_runs(checked: Checked, rules: Iterable[Rule]) -> pl.DataFrame:
    """quality.rule_runs of the terms: every term's every school x every rule."""
    rules = list(rules)
    listed = pl.DataFrame(
        {
            "rule_code": [rule.code for rule in rules],
            "table_name": [rule.table for rule in rules],
            "not_run": [checked.not_run.get(rule.code) for rule in rules],
        },
        schema=dict.fromkeys(("rule_code", "table_name", "not_run"), pl.String),
    )
    runs = (
        checked.schools.join(listed, how="cross")
        .join(checked.units, on=[*SCHOOL, "table_name"], how="left")
        .join(checked.reasons, on=[*SCHOOL, "table_name"], how="left")
        .join(checked.broken.rename({"rows": "rows_broken"}), on=[*SCHOOL, "rule_code"], how="left")
        .join(checked.follows.unique([*SCHOOL, "rule_code"]), on=[*SCHOOL, "rule_code"], how="left")
        .join(_without_columns(checked, rules), on=[*SCHOOL, "rule_code"], how="left")
        .join(_without_needs(checked, rules), on=[*SCHOOL, "rule_code"], how="left")
    )
    has_rows = pl.col("rows").fill_null(0) > 0
    reason = (
        pl.when(pl.col("lacks").is_not_null())
        .then("lacks")
        .when(~has_rows)
        .then(pl.coalesce("reason", pl.lit(NO_ROWS)))
        .when(pl.col("not_run").is_not_null())
        .then("not_run")
        .when(pl.col("rows_broken") > 0)
        .then(None)
        .when(pl.col("follows_from").is_not_null())
        .then(pl.format("follows from {}", "follows_from"))
        .when(pl.col("lacks_columns"))
        .then(pl.lit(NO_COLUMN))
    )
    result = (
        pl.when(has_rows & pl.col("not_run").is_not_null())
        .then(pl.lit("did_not_run"))
        .when(pl.col("rows_broken") > 0)
        .then(pl.lit("broken"))
        .when(pl.col("why").is_not_null())
        .then(pl.lit("not_applicable"))
        .otherwise(pl.lit("holds"))
    )
    return runs.with_columns(why=reason).select(
        *SCHOOL,
        "return_id",
        "table_name",
        "rule_code",
        result=result,
        reason="why",
        rows_checked=pl.col("rows").fill_null(0).cast(pl.Int64),
        rows_broken=pl.col("rows_broken").fill_null(0).cast(pl.Int64),
    )


def runs_of_unplaced(
    rules: Iterable[Rule], not_run: Mapping[str, str], findings: pl.DataFrame, files: int
) -> pl.DataFrame:
    """quality.rule_runs of the files that have no school or term, urn and term null: every rule of files."""
    broken = dict(findings.group_by("rule_code").len().iter_rows())
    rows = []
    for rule in rules:
        result, reason = ("broken", None) if rule.code in broken else ("holds", None)
        if not files:
            result, reason = "not_applicable", NO_ROWS
        elif rule.code in not_run:
            result, reason = "did_not_run", not_run[rule.code]
        rows.append((rule.table, rule.code, result, reason, files, broken.get(rule.code, 0)))
    schema = {
        "table_name": pl.String,
        "rule_code": pl.String,
        "result": pl.String,
        "reason": pl.String,
        "rows_checked": pl.Int64,
        "rows_broken": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _without_columns(checked: Checked, rules: list[Rule]) -> pl.DataFrame:
    """term, urn, rule_code, lacks_columns: where a school's sheet has none of the columns that the rule reads."""
    read = pl.DataFrame(
        [(rule.code, rule.table, name) for rule in rules if rule.table not in NO_COLUMNS for name in rule.fields],
        schema={"rule_code": pl.String, "table_name": pl.String, "field": pl.String},
        orient="row",
    )
    found = checked.columns.with_columns(found=pl.lit(value=True))
    return (
        checked.units.filter(~pl.col("table_name").is_in(NO_COLUMNS))
        .select(*SCHOOL, "table_name")
        .join(read, on="table_name")
        .join(found, on=[*SCHOOL, "table_name", "field"], how="left")
        .group_by(*SCHOOL, "rule_code")
        .agg(lacks_columns=pl.col("found").is_null().all())
        .filter("lacks_columns")
    )


def _without_needs(checked: Checked, rules: list[Rule]) -> pl.DataFrame:
    """term, urn, rule_code, lacks: the reason why a school's return is not held against the rule."""
    needs = pl.DataFrame(
        [(rule.code, need) for rule in rules for need in rule.needs],
        schema={"rule_code": pl.String, "need": pl.String},
        orient="row",
    )
    return (
        checked.lacking.join(needs, on="need")
        .group_by(*SCHOOL, "rule_code")
        .agg(lacks=pl.col("reason").sort_by("need").first())
    )


def missing_rule_runs(
    settings: Settings, connection: duckdb.DuckDBPyConnection, terms: list[str]
) -> list[tuple[str, str, int]]:
    """(term, rule code, number of schools) for every rule that has no result for a school of the term; empty is right.

    The schools are those open on the as-at date, whether they sent anything or not, those with a return in the ledger
    and those with any result.
    """
    calendar = load_calendar(settings)
    rules = pl.DataFrame({"rule_code": [rule.code for rule in all_rules()]})
    asked = pl.DataFrame(
        [(term, calendar[term].as_at_date, settings.la_code) for term in terms],
        schema={"term": pl.String, "as_at_date": pl.Date, "la_code": pl.String},
        orient="row",
    )
    connection.register("every_rule", rules.to_arrow())
    connection.register("asked_terms", asked.to_arrow())
    try:
        return connection.execute(
            f"""
            WITH schools AS (
                {SCHOOLS_OPEN.format(terms="asked_terms")}
                UNION
                SELECT term, urn FROM ledger.returns WHERE list_contains($terms, term)
                UNION
                SELECT term, urn FROM quality.rule_runs WHERE list_contains($terms, term)
            )
            SELECT schools.term, every_rule.rule_code, count(*)
            FROM schools CROSS JOIN every_rule
            ANTI JOIN quality.rule_runs AS runs
                ON runs.term = schools.term AND runs.urn = schools.urn AND runs.rule_code = every_rule.rule_code
            GROUP BY ALL ORDER BY ALL
            """,
            {"terms": list(terms)},
        ).fetchall()
    finally:
        connection.unregister("every_rule")
        connection.unregister("asked_terms")


def rules_that_did_not_run(connection: duckdb.DuckDBPyConnection, terms: list[str]) -> list[tuple[str, str, str]]:
    """(term, rule code, kind of error) for every rule that Great Expectations could not run; empty is right."""
    return connection.execute(
        """
        SELECT DISTINCT term, rule_code, reason FROM quality.rule_runs
        WHERE list_contains($terms, term) AND result = 'did_not_run' ORDER BY ALL
        """,
        {"terms": list(terms)},
    ).fetchall()
