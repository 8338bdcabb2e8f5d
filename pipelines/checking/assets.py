"""Checking, as Dagster sees it."""

from dataclasses import asdict

import duckdb
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    MaterializeResult,
    asset,
)

from expectations.contracts import EXPLANATIONS, load_contract
from expectations.suites import EXPECTED, FILE_TABLES
from pipelines.building.pupil_keys import refuse_changed_key
from pipelines.changed_terms import unplaced_fingerprint
from pipelines.checking import check_terms, check_unplaced, missing_rule_runs, rules_that_did_not_run, unbalanced
from pipelines.landing.assets import received_returns
from pipelines.partitions import one_run_a_range, terms
from pipelines.reading.assets import typed_rows
from pipelines.resources import Warehouse, run_time
from pipelines.settings import Settings
from pipelines.warehouse import LATEST_CONTRACT

CHECKED_TABLES = (*FILE_TABLES, *load_contract(LATEST_CONTRACT).tables, EXPECTED, EXPLANATIONS.name)
# these are about the pipeline, never about a school: where one fails, the run stops
BLOCKING = {
    "every_row_accounted_for": lambda _, connection, terms: unbalanced(connection, terms),
    "every_rule_listed": missing_rule_runs,
    "every_rule_ran": lambda _, connection, terms: rules_that_did_not_run(connection, terms),
}


@asset(deps=[received_returns], group_name="checking")
def unplaced_file_issues(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """What is wrong with files that have no school or term: for the LA, since no school can be told."""
    with warehouse.connect() as connection:
        fingerprint = unplaced_fingerprint(connection)
        judged = connection.execute("SELECT 1 FROM ledger.term_runs WHERE fingerprint = ?", [fingerprint]).fetchone()
        if judged:  # importing Great Expectations costs seconds
            return MaterializeResult(metadata={"unchanged": True})
        found = check_unplaced(warehouse.settings, connection)
        connection.execute(
            "INSERT OR REPLACE INTO ledger.term_runs VALUES ('unplaced', ?, ?)", [fingerprint, run_time(context)]
        )
        return MaterializeResult(metadata={"issues": found})


@asset(
    partitions_def=terms,
    backfill_policy=one_run_a_range,
    deps=[typed_rows],
    group_name="checking",
    check_specs=[
        *(AssetCheckSpec(f"{table}_hold_to_their_rules", asset="issues") for table in CHECKED_TABLES),
        *(AssetCheckSpec(name, asset="issues", blocking=True) for name in BLOCKING),
    ],
)
def issues(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:
    """Every broken rule of the terms' returns, the rows not counted, and the state of each return (schema quality)."""
    keys = list(context.partition_keys)
    with warehouse.connect() as connection:
        # before anything is written with it: explanations are known by ids that are made with the key
        refuse_changed_key(warehouse.settings, connection)
        summary = check_terms(warehouse.settings, connection, keys)
        results = [*_rule_results(connection, keys), *_blocking_results(warehouse.settings, connection, keys)]
    return MaterializeResult(metadata=asdict(summary), check_results=results)


def _rule_results(connection: duckdb.DuckDBPyConnection, keys: list[str]) -> list[AssetCheckResult]:
    """A check a table; a school's mistakes are a warning here, never a failed run."""
    counts = {
        table: (rules, broken)
        for table, rules, broken in connection.execute(
            """
            SELECT table_name, count(DISTINCT rule_code), count(DISTINCT rule_code) FILTER (WHERE result = 'broken')
            FROM quality.rule_runs WHERE list_contains(?, term) GROUP BY table_name
            """,
            [keys],
        ).fetchall()
    }
    issue_counts = {
        table: (errors, queries)
        for table, errors, queries in connection.execute(
            """
            SELECT table_name, count(*) FILTER (WHERE severity = 'error'), count(*) FILTER (WHERE severity = 'query')
            FROM quality.issues WHERE list_contains(?, term) GROUP BY table_name
            """,
            [keys],
        ).fetchall()
    }
    results = []
    for table in CHECKED_TABLES:
        rules, broken = counts.get(table, (0, 0))
        errors, queries = issue_counts.get(table, (0, 0))
        results.append(
            AssetCheckResult(
                check_name=f"{table}_hold_to_their_rules",
                passed=broken == 0,
                severity=AssetCheckSeverity.WARN,
                metadata={"rules": rules, "rules_broken": broken, "errors": errors, "queries": queries},
            )
        )
    return results


def _blocking_results(
    settings: Settings, connection: duckdb.DuckDBPyConnection, keys: list[str]
) -> list[AssetCheckResult]:
    results = []
    for name, find in BLOCKING.items():
        found = find(settings, connection, keys)
        results.append(
            AssetCheckResult(check_name=name, passed=not found, metadata={"found": [str(f) for f in found][:20]})
        )
    return results
