"""Restatements: a figure that was published, and that the next snapshot says otherwise.

While a term's window is open every figure of an area still moves with each return that comes: an area's figure is
restated only where it was published after the deadline. A school's own figure is restated whenever it changes.
"""

from datetime import datetime

import duckdb

from pipelines.publishing.snapshots import current_name
from pipelines.settings import Settings
from pipelines.warehouse import attach, transaction, warehouse

# why a figure changed, the nearest cause first; `because` of ledger.restatements
RESUBMISSION = "resubmission"  # another return of the school's stands for the term
LATE_RETURN = "late_return"  # there was none when it was published
RETURNS = "returns"  # another term's return of the school, or other schools': a pupil's year goes over several
LA_FILES = "la_files"  # the LA's own files are others
RETENTION = "retention"  # returns that it looked back on are past their retention (see pipelines/retention)
DEFINITIONS = "definitions"  # none of these: rules, seeds or models changed

_FIGURES = """
    SELECT indicator_id, 'school' AS area_type, urn AS area_code, term, group_type, group_value, numerator, denominator,
        unknown, value
    FROM {source}.marts.indicator_values SEMI JOIN built USING (term)
    UNION ALL
    SELECT indicator_id, area_type, area_code, term, group_type, group_value, numerator, denominator, unknown, value
    FROM {source}.marts.indicator_values_area SEMI JOIN built USING (term)
"""

# no figure comes from a link, or from a file that could not be read
_IN_USE = "SELECT path, sha256 FROM {files} WHERE state = 'current'"

_CHANGED = f"""
    -- the figures of the terms before stand as they were
    WITH build AS (
        SELECT min(as_at_date) AS first_as_at_date
        FROM wh.marts.terms INNER JOIN wh.ledger.build ON terms.term = build.first_term
    ),
    built AS (
        SELECT term FROM wh.marts.terms CROSS JOIN build
        WHERE first_as_at_date IS NULL OR as_at_date >= first_as_at_date
    ),
    published AS ({_FIGURES.format(source="before")}),
    figures AS ({_FIGURES.format(source="wh")}),
    -- what both can speak of: a term that one of them does not have was not published, or is past its retention
    terms AS (
        SELECT term, terms.as_at_date, snapshot.published_at::DATE > terms.deadline AS was_final
        FROM before.marts.terms AS terms
        SEMI JOIN wh.marts.terms AS now USING (term)
        CROSS JOIN before.marts.snapshot AS snapshot
    ),
    -- an indicator that is new, or no longer one, restates nothing
    indicators AS (SELECT id FROM before.marts.indicators INTERSECT SELECT id FROM wh.marts.indicators),
    compared AS (
        SELECT
            coalesce(figures.indicator_id, published.indicator_id) AS indicator_id,
            coalesce(figures.area_type, published.area_type) AS area_type,
            coalesce(figures.area_code, published.area_code) AS area_code,
            coalesce(figures.term, published.term) AS term,
            coalesce(figures.group_type, published.group_type) AS group_type,
            coalesce(figures.group_value, published.group_value) AS group_value,
            published.numerator AS numerator_from, figures.numerator AS numerator_to,
            published.denominator AS denominator_from, figures.denominator AS denominator_to,
            published.unknown AS unknown_from, figures.unknown AS unknown_to,
            published.value AS value_from, figures.value AS value_to
        FROM published
        FULL JOIN figures
            USING (indicator_id, area_type, area_code, term, group_type, group_value)
        WHERE (published.numerator, published.denominator, published.unknown)
            IS DISTINCT FROM (figures.numerator, figures.denominator, figures.unknown)
    ),
    returns AS (
        SELECT urn, term, before_returns.return_id AS return_from, now_returns.return_id AS return_to
        FROM before.marts.returns AS before_returns
        FULL JOIN wh.marts.returns AS now_returns USING (urn, term)
    ),
    changed_returns AS (SELECT * FROM returns WHERE return_from IS DISTINCT FROM return_to),
    la_files AS (
        -- by what they hold: the same file pulled again is no other
        SELECT count(*) > 0 AS changed FROM (
            (({_IN_USE.format(files="before.marts.la_files")}) EXCEPT ({_IN_USE.format(files="wh.ledger.reference_files")}))
            UNION ALL
            (({_IN_USE.format(files="wh.ledger.reference_files")}) EXCEPT ({_IN_USE.format(files="before.marts.la_files")}))
        )
    )
    SELECT
        compared.*,
        own.return_to AS return_id,
        CASE
            WHEN own.urn IS NOT NULL AND own.return_from IS NULL THEN '{LATE_RETURN}'
            WHEN own.urn IS NOT NULL THEN '{RESUBMISSION}'
            WHEN EXISTS (
                SELECT 1 FROM changed_returns AS other INNER JOIN before.marts.terms AS sent_for USING (term)
                WHERE sent_for.as_at_date <= terms.as_at_date
            ) THEN '{RETURNS}'
            WHEN la_files.changed THEN '{LA_FILES}'
            ELSE '{DEFINITIONS}'
        END AS because
    FROM compared
    INNER JOIN terms USING (term)
    SEMI JOIN indicators ON compared.indicator_id = indicators.id
    CROSS JOIN la_files
    LEFT JOIN changed_returns AS own
        ON compared.area_type = 'school' AND compared.area_code = own.urn AND compared.term = own.term
    -- the first return of a school within the window is news, and restates nothing
    WHERE terms.was_final
        OR (
            compared.area_type = 'school'
            AND (own.return_from IS NOT NULL OR (own.urn IS NULL AND compared.denominator_from IS NOT NULL))
        )
"""


def note_restatements(settings: Settings, published_at: datetime, because: str | None = None) -> int:
    """Write every figure of the snapshot in force that the warehouse now says otherwise into ledger.restatements.

    Gives their number. Called before the next snapshot is published; a run killed between the two compares with the
    same snapshot again, and so writes the same rows in place of the first. `because`: where the cause is known already.
    """
    name = current_name(settings)
    if name is None:
        return 0
    with warehouse(settings) as connection:
        attach(connection, settings.published_dir / name, "before", settings, read_only=True)
        if not _comparable(connection):
            return 0
        with transaction(connection):
            connection.execute("DELETE FROM ledger.restatements WHERE snapshot_from = ?", [name])
            connection.execute(
                f"""
                INSERT INTO ledger.restatements BY NAME
                SELECT ? AS snapshot_from, ? AS published_at, * REPLACE (coalesce(?, because) AS because) FROM ({_CHANGED})
                """,
                [name, published_at, because],
            )
            (noted,) = connection.execute(
                "SELECT count(*) FROM ledger.restatements WHERE snapshot_from = ?", [name]
            ).fetchone()
    return noted


def _comparable(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the snapshot says what its LA files held: one from before this was kept is compared by nothing."""
    columns = connection.sql("SELECT column_name FROM duckdb_columns() WHERE database_name = 'before'").fetchall()
    return ("sha256",) in columns
