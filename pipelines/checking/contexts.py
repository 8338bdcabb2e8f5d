"""The rows that rules run over: terms' rows, and beside them what the rules need from elsewhere (`context/<table>.sql`)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl

from expectations.contracts import accepted_versions
from expectations.suites import Rule, columns_read, fault_kinds
from pipelines.checking.identifiers import identifier_columns, is_uln, is_upn, pupil_columns
from pipelines.checking.la_data import take_la_plans, take_school_lines, take_sen2_and_census
from pipelines.checking.last_terms import make_table, take_last_returns, valid_numbers
from pipelines.reading.tables import BETWEEN
from pipelines.settings import Settings
from pipelines.terms import Term, load_calendar

CONTEXT_DIR = Path(__file__).parent / "context"
CELL_COLUMNS = {
    "pupils": pupil_columns,
    "consultations": identifier_columns,
    "placements": identifier_columns,
}


def take_files(settings: Settings, connection: duckdb.DuckDBPyConnection, terms: Sequence[Term] | None) -> None:
    """Make the temporary table `checked_files`: the terms' placed files, or for None those without school and term.

    Columns of ledger.files, as_at_date, rejected (false as yet) and rows_lost (null as yet). `checked_terms`: term,
    as_at_date, last_term and last_as_at_date (of the one before in the calendar), la_code.
    """
    calendar = list(load_calendar(settings).values()) if terms else []
    before = {term.term: last for last, term in pairwise(calendar)}
    listed = pl.DataFrame(
        [
            (
                term.term,
                term.as_at_date,
                *((last.term, last.as_at_date) if (last := before.get(term.term)) else (None, None)),
            )
            for term in terms or ()
        ]
        or [(None,) * 4],
        schema={"term": pl.String, "as_at_date": pl.Date, "last_term": pl.String, "last_as_at_date": pl.Date},
        orient="row",
    )
    make_table(connection, "checked_terms", listed.with_columns(la_code=pl.lit(settings.la_code)))
    if terms is not None:
        take_school_lines(settings, connection)
        take_la_plans(settings, connection)
        take_sen2_and_census(connection)
    where = "f.urn IS NOT NULL AND f.term = t.term" if terms is not None else "(f.urn IS NULL OR f.term IS NULL)"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE checked_files AS
        SELECT f.*, t.as_at_date, false AS rejected, NULL::VARCHAR AS rows_lost
        FROM ledger.files AS f CROSS JOIN checked_terms AS t WHERE {where} AND f.purged_at IS NULL
    """)
    versions = pl.DataFrame(
        [(year, version) for year, accepted in accepted_versions().items() for version in accepted],
        schema={"academic_year": pl.String, "version": pl.String},
        orient="row",
    )
    make_table(connection, "accepted_specifications", versions)


def take_returns(connection: duckdb.DuckDBPyConnection, return_ids: list[str]) -> None:
    """Make the temporary tables of the returns whose rows are judged.

    checked_returns: return_id, urn, line_urn, term, file_name, as_at_date. received_pupils: return_id, row_number, identifier (what
    child rows carry). valid_identifiers: return_id, row_number, identifier (every number that is the child's).
    unnamed_pupils: return_id, row_number of pupils without a valid number. nil_returns: return_id, of those without any
    pupil. And those of last_terms.take_last_returns.
    """
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE checked_returns AS
        SELECT file_id AS return_id, urn, coalesce(line_urn, urn) AS line_urn, term, file_name, as_at_date
        FROM checked_files LEFT JOIN school_lines USING (urn)
        WHERE list_contains(?, file_id)
        """,
        [return_ids],
    )
    pupils = connection.sql("""
        SELECT return_id, row_number, upn, upn__text, upn__fault, uln, uln__text, uln__fault, former_upn
        FROM raw.pupils WHERE return_id IN (SELECT return_id FROM checked_returns)
    """).pl()
    has_no_upn = pl.col("upn__text").is_null() & pl.col("upn__fault").is_null()
    text = pl.when(has_no_upn).then(pl.coalesce("uln", "uln__text")).otherwise(pl.coalesce("upn", "upn__text"))
    fault = pl.when(has_no_upn).then("uln__fault").otherwise("upn__fault")
    # of two columns that disagree either may be what the child rows carry
    each = pl.when(fault == "differs").then(text.str.split(BETWEEN)).otherwise(pl.concat_list(text))
    make_table(
        connection,
        "received_pupils",
        pupils.select("return_id", "row_number", identifier=each)
        .explode("identifier")
        .drop_nulls("identifier")
        .with_columns(pl.col("identifier").str.to_uppercase()),
    )
    make_table(connection, "valid_identifiers", valid_numbers(pupils, "return_id", "row_number"))
    # a nil return says of every pupil at once that there is none
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE nil_returns AS
        SELECT return_id FROM raw.return WHERE nil_return AND return_id IN (SELECT return_id FROM checked_returns)
        EXCEPT SELECT return_id FROM raw.pupils
    """)
    own = pl.when(has_no_upn).then("uln").otherwise("upn")
    is_known = (is_upn(own) | is_uln(own)).fill_null(value=False)
    make_table(connection, "unnamed_pupils", pupils.filter(~is_known).select("return_id", "row_number"))
    take_last_returns(connection)


def lacking(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What the checked returns have not of what rules need: return_id, need, reason."""
    return connection.sql(_query("lacking")).pl()


def rows_with_context(connection: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    """The rows of one table that are being checked, with the columns of its context query and of its cells.

    Ordered by return and row; files, sheets and columns as their queries order them.
    """
    rows = connection.sql(_query(table)).pl()
    if "row_number" in rows.columns:
        rows = rows.sort("return_id", "row_number")  # a tenth of what it takes in the query
    return rows.with_columns(**CELL_COLUMNS[table]()) if table in CELL_COLUMNS else rows


def with_faults_by_kind(rows: pl.DataFrame, rules: Iterable[Rule]) -> pl.DataFrame:
    """Adds what the contract's own rules read: `<field>__given`, `__type` and `__window`, true or null.

    Given is a cell that holds something; the others are true where reading found a fault of that kind.
    """
    wanted = {column for rule in rules for column in columns_read(rule)} - set(rows.columns)
    return rows.with_columns(
        _by_kind(column).alias(column) for column in sorted(wanted) if column.rpartition("__")[2] in _KINDS
    )


_KINDS = ("given", "type", "window")


def _by_kind(column: str) -> pl.Expr:
    name, _, kind = column.rpartition("__")
    fault = pl.col(f"{name}__fault")
    if kind == "given":
        return pl.when(pl.col(f"{name}__text").is_not_null() | fault.is_not_null()).then(pl.lit(value=True))
    faults = [f for f, of_kind in fault_kinds().items() if of_kind == kind]
    return pl.when(fault.is_in(faults)).then(pl.lit(value=True))


@lru_cache
def _query(table: str) -> str:
    return (CONTEXT_DIR / f"{table}.sql").read_text(encoding="utf-8")


def dependants(connection: duckdb.DuckDBPyConnection, not_counted: pl.DataFrame) -> pl.DataFrame:
    """Rows that hang on rows that are not counted: return_id, table_name, row_number, rule_code, reason.

    not_counted: return_id, table_name, row_number, rule_code of the checked returns.
    """
    make_table(connection, "not_counted", not_counted.select("return_id", "table_name", "row_number", "rule_code"))
    return connection.sql(_query("dependants")).pl()
