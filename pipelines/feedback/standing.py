"""Where an issue stands in the conversation with its school, and what a return has settled."""

import duckdb
import polars as pl

from expectations.contracts import EXPLANATIONS
from pipelines.checking.explaining import reference

# as a column of issues: new and open are to be dealt with, a refused explanation too; the others are not the school's turn
TO_DO = ("new", "open", "refused")
STANDINGS = (*TO_DO, "waiting", "accepted", "corrected")
DEFAULTS = {
    "standing": pl.lit("new"),
    "since": pl.lit(None, dtype=pl.Date),
    "why": pl.lit(None, dtype=pl.String),
    "said": pl.lit(None, dtype=pl.String),
    "reference": pl.lit(None, dtype=pl.String),
    "fact_id": pl.lit(None, dtype=pl.String),
}


def issues_of_returns(connection: duckdb.DuckDBPyConnection, return_ids: list[str]) -> pl.DataFrame:
    """quality.issues of returns, and of each where it stands.

    standing: new, open (the school was told before; `since`: the day of the return in which it was first found, in
    whatever term), waiting (for a decision on what the school `said`), accepted, refused (`why`). reference: by which a
    query can be explained; null for an error.
    """
    issues = connection.execute(
        """
        WITH first_found AS (
            SELECT urn, fact_id, min(first_seen_at)::DATE AS since, arg_min(first_return_id, first_seen_at) AS return_id
            FROM quality.issue_lives WHERE corrected_by_return_id IS NULL GROUP BY ALL
        ),
        -- one that was not refused counts before one that was; of several alike the newest
        said AS (
            SELECT urn, fact_id, coalesce(decision, 'waiting') AS decision, note, text
            FROM quality.explanations
            QUALIFY row_number() OVER (
                PARTITION BY urn, fact_id
                ORDER BY decision = 'refused' NULLS FIRST, decision NULLS LAST, given_at DESC, explanation_id
            ) = 1
        )
        SELECT issues.*, first_found.since,
            CASE
                WHEN severity = 'query' AND said.decision IS NOT NULL THEN said.decision
                WHEN first_found.return_id <> issues.return_id THEN 'open'
                ELSE 'new'
            END AS standing,
            CASE WHEN severity = 'query' AND said.decision = 'refused' THEN said.note END AS why,
            CASE WHEN severity = 'query' AND said.decision = 'waiting' THEN said.text END AS said
        FROM quality.issues AS issues
        LEFT JOIN first_found ON first_found.urn = issues.urn AND first_found.fact_id = issues.fact_id
        LEFT JOIN said ON said.urn = issues.urn AND said.fact_id = issues.fact_id
        WHERE list_contains(?, issues.return_id)
        """,
        [return_ids],
    ).pl()
    # what is said of an explanation is not explained in its turn
    can_be_explained = (pl.col("severity") == "query") & (pl.col("table_name") != EXPLANATIONS.name)
    return issues.with_columns(reference=pl.when(can_be_explained).then(reference(pl.col("fact_id"))))


def corrected_by_returns(connection: duckdb.DuckDBPyConnection, return_ids: list[str]) -> pl.DataFrame:
    """What returns settled: issues (with standing `corrected`) by the return that no longer raises them (return_id)."""
    return connection.execute(
        """
        SELECT corrected_by_return_id AS return_id, rule_code, severity, table_name, last_row_number AS row_number, field,
            message, remedy, NULL::VARCHAR AS costs, NULL::VARCHAR AS upn, NULL::VARCHAR AS value,
            NULL::VARCHAR AS fields, fact_id AS issue_id, fact_id, 'corrected' AS standing
        FROM quality.issue_lives WHERE list_contains(?, corrected_by_return_id)
        """,
        [return_ids],
    ).pl()
