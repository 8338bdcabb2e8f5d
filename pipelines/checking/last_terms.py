"""What rules look back on: each school's return of the term before, and which of its pupils are which of this term's."""

import duckdb
import polars as pl

from pipelines.checking.identifiers import is_uln, is_upn


def valid_numbers(pupils: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """The keys and identifier: every number that is a pupil's by itself (UPN, valid ULN, valid former UPN), each once.

    pupils: the keys, upn, uln, former_upn.
    """
    valid = pupils.select(
        *keys,
        "upn",
        uln=pl.when(is_uln(pl.col("uln"))).then("uln"),
        former_upn=pl.when(is_upn(pl.col("former_upn"))).then("former_upn"),
    )
    return valid.unpivot(index=keys, value_name="identifier").drop("variable").drop_nulls("identifier").unique()


def take_last_returns(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary tables of the school's current return of the term before, beside `checked_returns`.

    last_returns: return_id, last_return_id, as_at_date, last_as_at_date, is_same_year (academic). last_pupils: the rows of it whose pupil is
    known and there once (return_id, last_row_number, identifier, former_upn, sex, sen_provision, sen_start_date,
    entry_date, has_left); last_identifiers: return_id, last_row_number, identifier. same_pupils: return_id, row_number,
    last_row_number, also where a pupil is one of several rows; known_pupils: the same where there is one alone, with the
    identifier that this term's child rows carry.
    """
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE last_returns AS
        SELECT
            returns.return_id,
            before.return_id AS last_return_id,
            returns.as_at_date,
            terms.last_as_at_date,
            before.term[:7] = returns.term[:7] AS is_same_year
        FROM checked_returns AS returns
        INNER JOIN checked_terms AS terms USING (term)
        INNER JOIN ledger.returns AS before ON terms.last_term = before.term AND before.state = 'current'
        LEFT JOIN school_lines AS lines ON before.urn = lines.urn
        WHERE returns.line_urn = coalesce(lines.line_urn, before.urn)
    """)
    # an earlier check may have blanked a number that is not valid: what was received stands beside it
    rows = connection.sql("""
        SELECT
            returns.return_id, pupils.row_number AS last_row_number,
            coalesce(upn, upper(upn__text)) AS upn, coalesce(uln, upper(uln__text)) AS uln,
            coalesce(former_upn, upper(former_upn__text)) AS former_upn,
            upn__text IS NULL AND upn__fault IS NULL AS has_no_upn, upn__fault IS NULL AND surplus IS NULL AS is_read,
            sex, sen_provision, sen_start_date, entry_date,
            leaving_date__text IS NOT NULL OR leaving_date__fault IS NOT NULL AS has_left
        FROM raw.pupils AS pupils INNER JOIN last_returns AS returns ON pupils.return_id = returns.last_return_id
    """).pl()
    numbers = valid_numbers(rows, "return_id", "last_row_number")
    once = numbers.filter(pl.len().over("return_id", "identifier") == 1)
    several = numbers.join(once, on=numbers.columns, how="anti").select("return_id", "last_row_number")
    identifier = pl.when("has_no_upn").then("uln").otherwise("upn")
    pupils = (
        rows.with_columns(identifier=identifier, former_upn=pl.when(is_upn(pl.col("former_upn"))).then("former_upn"))
        .filter("is_read", is_upn(pl.col("identifier")) | is_uln(pl.col("identifier")))
        .join(several, on=["return_id", "last_row_number"], how="anti")
    )
    own = pl.concat(
        [
            pupils.select("return_id", "last_row_number", "identifier"),
            pupils.filter(is_uln(pl.col("uln"))).select("return_id", "last_row_number", identifier="uln"),
        ]
    ).unique()
    make_table(connection, "last_pupils", pupils.drop("upn", "uln", "has_no_upn", "is_read"))
    make_table(connection, "last_identifiers", own)
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE same_pupils AS
        SELECT DISTINCT return_id, now.row_number, before.last_row_number
        FROM last_identifiers AS before INNER JOIN valid_identifiers AS now USING (return_id, identifier)
    """)
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE known_pupils AS
        SELECT same.*, received.identifier
        FROM same_pupils AS same INNER JOIN received_pupils AS received USING (return_id, row_number)
        QUALIFY count(*) OVER (PARTITION BY return_id, row_number) = 1
            AND count(*) OVER (PARTITION BY return_id, last_row_number) = 1
    """)


def make_table(connection: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    """Make a temporary table of the rows."""
    connection.register("rows_to_take", rows.to_arrow())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM rows_to_take")
    connection.unregister("rows_to_take")
