"""Pseudonyms: every identifier of a child becomes one key, an HMAC made in Python so that no key stands in SQL."""

import hmac

import duckdb
import polars as pl

from pipelines.settings import Settings
from pipelines.warehouse import transaction

# Where identifiers come from: raw columns of the return, and the LA's own files; and the term from which on the row says
# something of the child (terms sort in time). '': from the first; null: in whatever term a return lists the child.
IDENTIFIER_QUERIES = (
    "SELECT upn AS identifier, return_term AS since FROM raw.pupils",
    "SELECT uln, return_term FROM raw.pupils",
    "SELECT former_upn, return_term FROM raw.pupils",
    "SELECT upn, return_term FROM raw.plans",
    "SELECT upn, return_term FROM raw.reviews",
    "SELECT upn, return_term FROM raw.specialists",
    "SELECT upn, return_term FROM raw.consultations",
    "SELECT upn, return_term FROM raw.placements",
    "SELECT upn, '' FROM reference.ehc_plans",
    "SELECT upn, NULL FROM reference.pupil_context",
    "SELECT upn, '' FROM reference.sen2_plans",
    "SELECT upn, '' FROM reference.sen2_reviews",
    "SELECT upn, '' FROM reference.sen2_needs",
    # who has no SEN is on no register, unless a return says so
    "SELECT upn, census_term FROM reference.census_pupils WHERE sen_provision IS DISTINCT FROM 'N'",
    "SELECT upn, census_term FROM reference.census_needs",
)
OCCURRENCES = " UNION ALL ".join(IDENTIFIER_QUERIES)
# Two identifiers of one child, by the child's accepted row, the one known longer second: it gives the key, which so
# stays what it was when a child gets a new UPN. A row that is not counted links nobody.
ACCEPTED = """
    SELECT * FROM raw.pupils AS p
    WHERE return_id IN (SELECT return_id FROM ledger.returns WHERE state = 'current')
      AND NOT EXISTS (
        SELECT 1 FROM quality.quarantined_rows AS q
        WHERE q.return_id = p.return_id AND q.table_name = 'pupils' AND q.row_number = p.row_number
      )
"""
FORMER_QUERY = f"""
    SELECT DISTINCT upn AS newer, former_upn AS elder FROM ({ACCEPTED})
    WHERE upn IS NOT NULL AND former_upn IS NOT NULL ORDER BY ALL
"""
ULN_QUERY = f"""
    SELECT uln AS newer, list(DISTINCT upn ORDER BY upn) AS elders FROM ({ACCEPTED})
    WHERE upn IS NOT NULL AND uln IS NOT NULL GROUP BY uln ORDER BY uln
"""


class PseudonymKeyChangedError(Exception):
    """The pseudonym key is not the one that the warehouse was made with."""


def write_pupil_keys(settings: Settings, connection: duckdb.DuckDBPyConnection) -> int:
    """Bring up to date restricted.pupil_keys (identifier, pupil_key: 16 hex digits); returns the number of children.

    UPN, former UPN and ULN of one child share a key. Raises PseudonymKeyChangedError before anything is written.
    """
    refuse_changed_key(settings, connection)
    secret = settings.pseudonym_secret
    if not connection.sql("SELECT 1 FROM restricted.key_check").fetchone():
        connection.execute("INSERT INTO restricted.key_check VALUES (?)", [key_fingerprint(secret)])
    identifiers = connection.sql(f"SELECT DISTINCT identifier FROM ({OCCURRENCES}) WHERE identifier IS NOT NULL").pl()
    first_of = _first_identifiers(connection.sql(FORMER_QUERY).fetchall(), connection.sql(ULN_QUERY).fetchall())
    keys = identifiers.with_columns(
        pl.col("identifier")
        .replace(first_of)
        .map_elements(lambda i: _pseudonym(secret, i), pl.String)
        .alias("pupil_key")
    )
    _write_differences(connection, keys)
    return keys["pupil_key"].n_unique()


def _write_differences(connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame) -> None:
    """Make restricted.pupil_keys what `keys` is: to take each of its rows out of its index and in again takes seconds."""
    known = connection.sql("SELECT identifier, pupil_key FROM restricted.pupil_keys").pl()
    past = known.join(keys, on=["identifier", "pupil_key"], how="anti")
    fresh = keys.join(known, on=["identifier", "pupil_key"], how="anti")
    with transaction(connection):
        for name, rows in (("past", past), ("fresh", fresh)):
            connection.register(name, rows.to_arrow())
        since = _known_otherwise_since(connection)
        connection.execute("DELETE FROM restricted.pupil_keys WHERE identifier IN (SELECT identifier FROM past)")
        connection.execute("INSERT INTO restricted.pupil_keys SELECT identifier, pupil_key FROM fresh")
        if since is not None:
            connection.execute("DELETE FROM ledger.published_terms WHERE term >= ?", [since])
        for name in ("past", "fresh"):
            connection.unregister(name)


def _known_otherwise_since(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The first term whose figures know a child by another key now, as when two turn out to be one; None where none does.

    Most who get another key were known from the newest term's files alone, which the child's return of the term explains.
    """
    (since,) = connection.execute(f"""
        WITH changed AS (
            SELECT identifier, past.pupil_key AS past_key, fresh.pupil_key AS fresh_key
            FROM past INNER JOIN fresh USING (identifier)
        ),
        occurrences AS ({OCCURRENCES}),
        of_changed AS (SELECT * FROM occurrences INNER JOIN changed USING (identifier)),
        -- what the LA's file says of the child under this identifier is said in every term that lists it under another
        elsewhere AS (
            SELECT identifier FROM restricted.pupil_keys WHERE pupil_key IN (
                SELECT unnest([past_key, fresh_key]) FROM of_changed WHERE since IS NULL
            )
            UNION
            SELECT identifier FROM fresh WHERE pupil_key IN (SELECT fresh_key FROM of_changed WHERE since IS NULL)
        )
        SELECT min(since) FROM (
            SELECT since FROM of_changed UNION ALL SELECT since FROM occurrences SEMI JOIN elsewhere USING (identifier)
        )
    """).fetchone()
    return since


def refuse_changed_key(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Raises PseudonymKeyChangedError where the key is not the one that the warehouse was made with."""
    known = connection.sql("SELECT fingerprint FROM restricted.key_check").fetchone()
    if known is not None and known[0] != key_fingerprint(settings.pseudonym_secret):
        raise PseudonymKeyChangedError(
            "The pseudonym key is not the one that this warehouse was made with. Set SEN_PSEUDONYM_KEY as it was then "
            "(where it was not set: the file pseudonym.key of the data folder), or run `sen rekey`, which gives every pupil "
            "a new pseudonym."
        )


def key_fingerprint(secret: bytes) -> str:
    """By which a key is known again (restricted.key_check)."""
    return _pseudonym(secret, "which key this is")


def _pseudonym(secret: bytes, identifier: str) -> str:
    return hmac.digest(secret, identifier.encode(), "sha256").hex()[:16]


def _first_identifiers(formers: list[tuple[str, str]], ulns: list[tuple[str, list[str]]]) -> dict[str, str]:
    """Identifier -> the eldest of all that are linked with it, by union-find.

    A ULN beside the UPNs of two children is one child's, mistyped for the other: it links nobody, for two children in one
    would each lend the other its reviews.
    """
    parent: dict[str, str] = {}

    def root(identifier: str) -> str:
        while parent.setdefault(identifier, identifier) != identifier:
            parent[identifier] = parent[parent[identifier]]
            identifier = parent[identifier]
        return identifier

    for upn, former_upn in formers:
        parent[root(upn)] = root(former_upn)
    for uln, upns in ulns:
        children = {root(upn) for upn in upns}
        if len(children) == 1:
            parent[root(uln)] = children.pop()
    return {identifier: root(identifier) for identifier in parent}
