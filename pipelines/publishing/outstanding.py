"""Whom to ring once a term's deadline has passed: schools still without a return that can be used."""

from datetime import date

import duckdb
import polars as pl

from pipelines.casework import notes
from pipelines.settings import Settings

# whom to ask for first
ROLES = ("SENCO", "HEADTEACHER", "OFFICE")


def still_missing(
    settings: Settings, connection: duckdb.DuckDBPyConnection, term: str, on: date, urn: str | None = None
) -> pl.DataFrame:
    """The schools of a snapshot that are due and have no usable return, once the term's deadline has passed.

    urn, name, status (missing, rejected), days_past (the deadline, on that day), contacts (as lines: name, role and
    address, by ROLES), and of the last note of contact on_date, who, about, agreed. Longest without contact first.
    """
    missing = connection.execute(
        """
        WITH contacts AS (
            SELECT urn,
                string_agg(concat_ws(', ', name, lower(role), email), chr(10)
                    ORDER BY list_position($roles, role) NULLS LAST, name, email) AS contacts
            FROM (SELECT urn, nullif(trim(name), '') AS name, upper(trim(role)) AS role, trim(email) AS email FROM marts.contacts)
            GROUP BY urn
        )
        SELECT returns.urn, coalesce(schools.name, returns.urn) AS name, returns.status,
            date_diff('day', terms.deadline, $on) AS days_past, coalesce(contacts.contacts, '') AS contacts
        FROM marts.returns AS returns
        INNER JOIN marts.terms AS terms ON terms.term = returns.term
        LEFT JOIN marts.schools AS schools ON schools.urn = returns.urn
        LEFT JOIN contacts ON contacts.urn = returns.urn
        WHERE returns.term = $term AND returns.is_due AND returns.status IN ('missing', 'rejected') AND terms.deadline < $on
            AND ($urn::VARCHAR IS NULL OR returns.urn = $urn)
        """,
        {"term": term, "on": on, "roles": list(ROLES), "urn": urn},
    ).pl()
    newest = notes(settings).unique("urn", keep="first", maintain_order=True)
    return missing.join(newest.select("urn", "on_date", "who", "about", "agreed"), on="urn", how="left").sort(
        "on_date", "name", nulls_last=False
    )
