"""What schools say of their queries, and what was decided: from the snapshot, and at once from the casework."""

import duckdb
import polars as pl

from dashboards.queries import ask
from pipelines.casework import decisions
from pipelines.settings import Settings


def explanations(connection: duckdb.DuckDBPyConnection, settings: Settings, urn: str | None = None) -> pl.DataFrame:
    """A row an explanation, the longest waiting first: explanation_id, urn, name, term, newest_term, rule_code, table_name,
    message, remedy, text, given_at, is_raised, decision (null: waiting), decided_by, decided_at, note.

    A decision that no run has taken in yet is shown already.
    """
    published = ask(
        connection,
        """
        select
            explanation_id, explanations.urn, schools.name, term, newest_term, rule_code, table_name, message, remedy, text,
            given_at, is_raised, decision, decided_by, decided_at, note
        from marts.explanations
        left join marts.schools on schools.urn = explanations.urn
        where $urn::varchar is null or explanations.urn = $urn
        order by given_at, schools.name, rule_code, explanation_id
        """,
        urn=urn,
    )
    decided = decisions(settings).rename({"by": "new_by", "at": "new_at", "note": "new_note", "decision": "new"})
    fresh = pl.col("new").is_not_null()
    return (
        published.join(decided, on="explanation_id", how="left", maintain_order="left")
        .with_columns(
            decision=pl.when(fresh).then("new").otherwise("decision"),
            decided_by=pl.when(fresh).then("new_by").otherwise("decided_by"),
            decided_at=pl.when(fresh).then("new_at").otherwise("decided_at"),
            note=pl.when(fresh).then("new_note").otherwise("note"),
        )
        .drop("new", "new_by", "new_at", "new_note")
    )
