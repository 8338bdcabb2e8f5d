"""What schools say of their queries: which query a reference stands for, and what was decided about an explanation.

The reference that a feedback workbook gives a query is made of the fact, so that it stands in every workbook in which the
same fact raises the query, and another school's never matches.
"""

import hashlib
import hmac

import duckdb
import polars as pl

from pipelines import casework
from pipelines.checking.identifiers import LONG_NUMBER, STRUCK_OUT
from pipelines.settings import Settings

LONGEST_EXPLANATION = 1_000  # the whole of it stays in schema raw
# a reference as people write it, without what does not count; it has no O and no I, which are typed for 0 and 1
_BARE = "translate(upper(regexp_replace({}, '[^A-Za-z0-9]', '', 'g')), 'OI', '01')"
# of two explanations of a fact the one from the newer return is the newer
_ORDER = "received_at, serial NULLS FIRST, file_name, file_id"


def reference(fact_id: pl.Expr) -> pl.Expr:
    """The short reference of a fact, as in `Q-3F9A0-7BE1C`; null for null."""
    text = fact_id.str.to_uppercase()
    return pl.format("Q-{}-{}", text.str.slice(0, 5), text.str.slice(5, 5))


def take_queries(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `known_queries`: urn, reference (bare), fact_id, rule_code.

    Every query that a school whose files are checked was ever told of in a return that was checked (quality.issue_lives).
    """
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE known_queries AS
        SELECT urn, upper('Q' || left(fact_id, 10)) AS reference, min(fact_id) AS fact_id, min(rule_code) AS rule_code
        FROM quality.issue_lives
        WHERE severity = 'query' AND urn IN (SELECT urn FROM checked_files)
        GROUP BY ALL
    """)


def write_explanations(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Rewrite quality.explanations of the schools whose files are checked, from all their returns of any term.

    The same words about the same fact are one explanation, however often they come; several rows about one fact in one
    return go together. A return that was rejected or is held explains nothing. Decisions are those of the casework.
    """
    given = connection.execute(f"""
        WITH said AS (
            SELECT known.urn, known.fact_id, known.rule_code, files.term, files.file_id AS return_id,
                files.received_at::DATE AS given_at,
                row_number() OVER (ORDER BY {_ORDER}) AS place,
                left(regexp_replace(
                    string_agg(explanation, ' ' ORDER BY row_number), $long_number, $struck_out, 'g'
                ), {LONGEST_EXPLANATION}) AS text
            FROM raw.explanations AS explanations
            INNER JOIN ledger.files AS files ON explanations.return_id = files.file_id
            INNER JOIN known_queries AS known
                ON explanations.return_urn = known.urn AND {_BARE.format("explanations.reference")} = known.reference
            WHERE explanation IS NOT NULL AND files.state IN ('current', 'superseded')
            GROUP BY known.urn, known.fact_id, known.rule_code, files.term, files.file_id, files.received_at, files.serial,
                files.file_name
        )
        SELECT * EXCLUDE (place) FROM said
        QUALIFY row_number() OVER (PARTITION BY urn, fact_id, text ORDER BY place) = 1
        ORDER BY urn, fact_id, place
        """, {"long_number": LONG_NUMBER, "struck_out": STRUCK_OUT}).pl()  # fmt: skip
    connection.execute("DELETE FROM quality.explanations WHERE urn IN (SELECT urn FROM checked_files)")
    if given.is_empty():
        return
    secret = settings.pseudonym_secret
    ids = [explanation_id(secret, *row) for row in given.select("urn", "fact_id", "text").iter_rows()]
    decided = casework.decisions(settings).rename({"by": "decided_by", "at": "decided_at"})
    rows = given.with_columns(explanation_id=pl.Series(ids, dtype=pl.String)).join(
        decided, on="explanation_id", how="left", maintain_order="left"
    )
    connection.register("explanations_now", rows.to_arrow())
    connection.execute("INSERT INTO quality.explanations BY NAME SELECT * FROM explanations_now")
    connection.unregister("explanations_now")


def explanation_id(secret: bytes, urn: str, fact_id: str, text: str) -> str:
    """By which an explanation is known to people and their decisions: 16 hexadecimal digits.

    Keyed with the pseudonyms' secret: pages show it, and from a plain hash a UPN could be guessed.
    """
    return hmac.new(secret, f"{urn}|{fact_id}|{text}".encode(), hashlib.sha256).hexdigest()[:16]
