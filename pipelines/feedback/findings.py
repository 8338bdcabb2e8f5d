"""What there is to say about a return: its issues in order of importance, and what they come to without a pupil."""

import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from expectations.contracts import Contract
from pipelines.checking.identifiers import LONG_NUMBER, STRUCK_OUT
from pipelines.feedback.standing import DEFAULTS

# what an issue costs, most important first: (costs, what it means to the school until it is put right)
UNTIL_CORRECTED = {
    "rejects": "None of this file is counted until it is corrected",
    "holds": "The file waits until we have heard from you",
    "row": "The row is not counted until corrected",
    "cell": "The entry is not counted until corrected; the rest of the row is",
    "nothing": "Nothing is left out meanwhile, but it must be corrected",
}
QUERY_MEANWHILE = "Counted meanwhile"
ABOUT_THE_FILE = "The file"


@dataclass(frozen=True)
class Finding:
    """One broken rule in one place of a return, with how often; nothing about a pupil."""

    rule_code: str
    severity: str
    where: str
    message: str
    remedy: str
    until_corrected: str
    count: int  # issues
    rows: int  # issues that have a row in the file
    standing: str = "new"
    since: date | None = None  # of an open one: when it was first found
    why: str | None = None  # of a refused explanation

    @property
    def how_often(self) -> str:
        """As a letter says it; blank for what is said once of a file, a sheet or a column."""
        if self.rows:
            return f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}"
        return f"{self.count:,} times" if self.count > 1 else ""

    @property
    def consequence(self) -> str:
        """What an error costs, as a sentence; blank for a query, and where the remedy says it already."""
        if self.standing == "refused":
            return (
                f"Your explanation was not accepted: {self.why}" if self.why else "Your explanation was not accepted."
            )
        says_it = self.severity == "query" or "counted" in self.remedy or self.is_settled
        return "" if says_it else f"{self.until_corrected}."

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to do about it."""
        return self.standing in ("accepted", "corrected")

    @property
    def tone(self) -> str:
        """The colour in which it is said."""
        if self.is_settled:
            return "good"
        return "wait" if self.standing == "waiting" else self.severity

    @property
    def so_far(self) -> str:
        """What became of it so far, for the line below; blank for what is new."""
        if self.standing == "open" and self.since:
            return f"open since {self.since.day} {self.since:%B %Y}"
        return {"accepted": "explanation accepted", "corrected": "corrected"}.get(self.standing, "")


def in_order(issues: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The issues by importance (errors that cost the file, a row, a cell, nothing; then queries), then by place.

    Adds `until_corrected` (text for the school), `importance` and `place` (integers), and where it stands (new) where
    that is not said.
    """
    issues = issues.with_columns(**{name: value for name, value in DEFAULTS.items() if name not in issues.columns})
    tables = {name: number for number, name in enumerate(["files", *contract.tables])}
    costs = pl.col("costs").fill_null("nothing")
    ranks = {cost: rank for rank, cost in enumerate(UNTIL_CORRECTED)}
    is_query = pl.col("severity") == "query"
    return issues.with_columns(
        importance=pl.when(is_query)
        .then(len(ranks))
        .otherwise(costs.replace_strict(ranks, default=ranks["nothing"], return_dtype=pl.Int64)),
        place=pl.col("table_name").replace_strict(tables, default=len(tables), return_dtype=pl.Int64),
        until_corrected=pl.when(is_query)
        .then(pl.lit(QUERY_MEANWHILE))
        .otherwise(costs.replace_strict(UNTIL_CORRECTED, default=UNTIL_CORRECTED["nothing"], return_dtype=pl.String)),
    ).sort(
        "importance",
        "place",
        "row_number",
        "field",
        "rule_code",
        "upn",
        "issue_id",
        nulls_last=True,
        maintain_order=True,
    )


def without_pupils(issues: pl.DataFrame, contract: Contract) -> list[Finding]:
    """Ordered issues (from `in_order`) as findings: each rule once for each place and sentence, with its counts.

    Neither a cell's value nor a UPN is read here, and what looks like one in a sentence is struck out.
    """
    grouped = issues.group_by(
        "rule_code",
        "severity",
        "table_name",
        "field",
        "message",
        "remedy",
        "until_corrected",
        "standing",
        "why",
        pl.when(pl.col("standing") == "open").then("since"),
        maintain_order=True,
    ).agg(count=pl.len(), rows=pl.col("row_number").drop_nulls().n_unique())
    return [
        Finding(
            rule_code=row["rule_code"],
            severity=row["severity"],
            where=_where(row["table_name"], row["field"], contract),
            message=struck_out(row["message"] or ""),
            remedy=struck_out(row["remedy"] or ""),
            until_corrected=row["until_corrected"],
            count=row["count"],
            rows=row["rows"],
            standing=row["standing"],
            since=row["since"],
            why=struck_out(row["why"]) if row["why"] else None,
        )
        for row in grouped.iter_rows(named=True)
    ]


def struck_out(text: str) -> str:
    """The text without anything that could be a pupil's number."""
    return re.sub(LONG_NUMBER, STRUCK_OUT, text)


def _where(table_name: str | None, field: str | None, contract: Contract) -> str:
    """Sheet and column, named only where the contract has them: a stray header may say anything, a pupil's name too."""
    table = contract.tables.get(table_name or "")
    if table is None:
        return ABOUT_THE_FILE
    return f"Sheet {table.name}, column {field}" if field in table.fields else f"Sheet {table.name}"
