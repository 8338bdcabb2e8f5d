"""What is past its retention, and what of it speaks for what is kept.

A return, with its bytes, issues, letters and workbooks, is kept for SEN_RETENTION_YEARS academic years after its own. Two
things follow from "what speaks are the returns of all years":

- A pupil who is in anything that is kept keeps the whole record: the accepted rows of past returns that are about the
  pupil stay, for the figures of every later term look back on them (a spell, a plan, a naming may be of any age). Who is in
  nothing that is kept is gone from everywhere. So is, of a school's arrangements, all but the last row of the past ones.
- What looks back a year also looks at pupils who left meanwhile. So the figures of the oldest year that is kept are not made
  again: they stand as published, without their cases, and so do those of every earlier year (`ledger.closed_terms`).

Kept are a return of a year that is kept, a version of the LA's own files that is in use, and a figure of a term that is open:
a pupil whom such a figure counts, or whose admission its case list shows, stays. So figures stand, and an admission that
somebody follows is not lost from sight because its naming is old. Where the LA's ehc_plans.csv is there, that is nearly
always a pupil of the file; without it every admission that was due counts for ever (EHC02), and its pupil stays until the
LA gives its file.

What is no admission keeps nobody: a naming of a pupil who was on the roll already, or which the LA's file does not know
(`NO_ADMISSION`). It is in no figure, a return says it of its own year alone, and nobody has to act on it any more. So where
past returns alone have named the pupil, the naming goes with them, from the case lists of open terms too.

A file that could not be placed (no school, no term) has only the day on which it came to go by: the folder and the name
that it came under may say anything.
"""

import re
from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines.building.pupil_keys import IDENTIFIER_QUERIES
from pipelines.reference.census import census_term
from pipelines.retention.rewriting import OLD
from pipelines.settings import Settings
from pipelines.terms import academic_year_of, years_later

# a reference as in quality.explanations: see pipelines/checking/explaining.py
_REFERENCE = "translate(upper(regexp_replace(reference, '[^A-Za-z0-9]', '', 'g')), 'OI', '01')"
# standings of a naming that is no admission: see int_admissions
NO_ADMISSION = ("already_on_roll", "in_return_not_in_la_data")
# (column, table) of every identifier
_IDENTIFIERS = tuple(re.match(r"SELECT (\w+).* FROM ([\w.]+)", query).groups() for query in IDENTIFIER_QUERIES)


@dataclass(frozen=True)
class Boundary:
    """The academic years that bound what is kept, as `2020-21`."""

    first_kept: str  # what is of an earlier year is past its retention
    first_open: str  # the figures of an earlier year stand as published

    @property
    def first_day(self) -> date:
        """What was received or noted before it is past its retention."""
        return date(int(self.first_kept[:4]), 9, 1)

    def is_past(self, term: str) -> bool:
        """Whether a term (or academic year) is past its retention."""
        return term[:7] < self.first_kept


def boundary(settings: Settings, on: date) -> Boundary:
    """Where what is kept begins on a day."""
    first_kept = years_later(academic_year_of(on), -settings.retention_years)
    return Boundary(first_kept, years_later(first_kept, 1))


def take_past(connection: duckdb.DuckDBPyConnection, bounds: Boundary) -> None:
    """Make, of the warehouse in force, the temporary tables that `staying` reads.

    past_files: files past their retention (those purged before included); past_reference_files: versions of the LA's own
    files that are; kept_pupils: pupil_key of every child who is in anything that is kept.
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE past_files AS
        SELECT file_id, path, sha256, state, urn, term, purged_at FROM {OLD}.ledger.files
        WHERE purged_at IS NOT NULL
            OR CASE WHEN term IS NULL THEN received_at < DATE '{bounds.first_day}' ELSE left(term, 7) < '{bounds.first_kept}' END
    """)
    _take_past_reference_files(connection, bounds)
    queries = [
        query.replace(f" FROM {table}", f" FROM (SELECT * FROM {OLD}.{table} WHERE {_is_in_time(table, bounds)})")
        for query, (_, table) in zip(IDENTIFIER_QUERIES, _IDENTIFIERS, strict=True)
    ]
    in_figures = "".join(f" UNION {query}" for query in _in_open_figures(connection, bounds))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE kept_pupils AS
        SELECT pupil_key FROM ({" UNION ALL ".join(queries)})
        INNER JOIN {OLD}.restricted.pupil_keys USING (identifier)
        {in_figures}
    """)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE kept_identifiers AS
        SELECT identifier FROM {OLD}.restricted.pupil_keys SEMI JOIN kept_pupils USING (pupil_key)
    """)


def _in_open_figures(connection: duckdb.DuckDBPyConnection, bounds: Boundary) -> list[str]:
    """Queries of the pupil_key of those whom a figure of an open term counts; none where nothing was built yet."""
    built = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'marts'", [OLD]
    ).fetchall()
    of_mart = {
        "indicator_units": "pupil_key IS NOT NULL",
        "ehc_admissions": f"standing NOT IN {NO_ADMISSION}",
    }
    return [
        f"SELECT pupil_key FROM {OLD}.marts.{mart} WHERE {counts} AND left(term, 7) >= '{bounds.first_open}'"
        for mart, counts in of_mart.items()
        if (mart,) in built
    ]


def _take_past_reference_files(connection: duckdb.DuckDBPyConnection, bounds: Boundary) -> None:
    """Versions that nothing was loaded from and that came before the first year kept; and censuses of a past term."""
    censuses = connection.sql(
        f"SELECT DISTINCT path FROM {OLD}.ledger.reference_files WHERE kind = 'census' AND sha256 IS NOT NULL"
    ).fetchall()
    past = [path for (path,) in censuses if (term := census_term(path.rsplit("/", 1)[-1])) and bounds.is_past(term)]
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE past_reference_files AS
        SELECT path, sha256, received_at, state, purged_at FROM {OLD}.ledger.reference_files
        WHERE sha256 IS NOT NULL AND (
            purged_at IS NOT NULL OR list_contains(?, path)
            OR (received_at < DATE '{bounds.first_day}' AND (state <> 'current' OR kind = 'other'))
        )
        """,
        [past],
    )


def _is_in_time(table: str, bounds: Boundary) -> str:
    """The rows of a table that are kept for themselves, whoever they are about."""
    if table.startswith("raw."):
        return "return_id NOT IN (SELECT file_id FROM past_files)"
    if table.startswith("reference.census"):
        return f"left(census_term, 7) >= '{bounds.first_kept}'"
    return "true"


def staying(bounds: Boundary) -> dict[str, str]:
    """Table -> which of its rows in the warehouse in force stay; a table that is not named stays whole."""
    in_time = _is_in_time("raw.", bounds)
    term_in_time = f"left(term, 7) >= '{bounds.first_kept}'"
    rows = dict.fromkeys(("raw.sheets", "raw.columns", "raw.return"), in_time)
    for table in dict.fromkeys(table for _, table in _IDENTIFIERS if table.startswith("raw.")):
        columns = (column for column, of_table in _IDENTIFIERS if of_table == table)
        about = " OR ".join(f"{column} IN (SELECT identifier FROM kept_identifiers)" for column in columns)
        rows[table] = f"{in_time} OR (({about}) AND {_accepted(table)})"
    rows["raw.arrangements"] = f"{in_time} OR (return_id, row_number) IN ({_LAST_ARRANGEMENTS})"
    rows["raw.explanations"] = f"{in_time} OR {_EXPLAINS_WHAT_IS_KEPT.format(term_in_time=term_in_time)}"
    rows["quality.issues"] = f"coalesce({in_time} AND {term_in_time}, {in_time}, true)"
    rows["quality.issue_lives"] = term_in_time
    rows["quality.explanations"] = (
        f"(urn, fact_id) IN (SELECT (urn, fact_id) FROM {OLD}.quality.issue_lives WHERE {term_in_time})"
    )
    rows["quality.quarantined_rows"] = in_time
    rows["quality.rule_runs"] = f"coalesce({term_in_time}, true)"
    rows["restricted.pupil_keys"] = "false"  # made again from what stays
    for table in ("reference.census_pupils", "reference.census_needs"):
        rows[table] = _is_in_time(table, bounds)
    return rows


def _accepted(table: str) -> str:
    """That a row counts: of the current return of its term, and not quarantined."""
    return (
        f"return_id IN (SELECT return_id FROM {OLD}.ledger.returns WHERE state = 'current') "
        f"AND (return_id, row_number) NOT IN (SELECT (return_id, row_number) FROM {OLD}.quality.quarantined_rows "
        f"WHERE table_name = '{table.removeprefix('raw.')}')"
    )


_LAST_ARRANGEMENTS = f"""
    SELECT (arrangements.return_id, arrangements.row_number) FROM {OLD}.raw.arrangements AS arrangements
    INNER JOIN {OLD}.ledger.returns AS returns USING (return_id)
    WHERE returns.state = 'current' AND return_id IN (SELECT file_id FROM past_files)
        AND (return_id, row_number) NOT IN (
            SELECT (return_id, row_number) FROM {OLD}.quality.quarantined_rows WHERE table_name = 'arrangements'
        )
    QUALIFY row_number() OVER (
        PARTITION BY return_urn
        ORDER BY returns.academic_year DESC,
            CASE split_part(returns.term, '-', 3) WHEN 'summer' THEN 1 WHEN 'spring' THEN 2 ELSE 3 END, returns.received_at DESC
    ) = 1
"""
# what explains a fact that later returns raise still
_EXPLAINS_WHAT_IS_KEPT = f"""
    (return_urn, {_REFERENCE}) IN (
        SELECT (urn, upper('Q' || left(fact_id, 10))) FROM {OLD}.quality.issue_lives
        WHERE severity = 'query' AND {{term_in_time}}
    )
"""
