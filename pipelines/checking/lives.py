"""The life of an issue: a fact is first found in one return of a term, last in another, and gone from a third.

What an earlier check wrote stands, so that a life outlives the returns that it was found in; times are those at which the
returns were received, so that a check that is repeated writes the same.
"""

import duckdb


def write_lives(connection: duckdb.DuckDBPyConnection) -> None:
    """Rewrite quality.issue_lives of the terms being checked (checked_terms, checked_files) from their new issues.

    A fact that the school's current return no longer raises is corrected by it. One that the very return in which it was
    last found no longer raises was never the school's to correct (a rule or the LA's data changed): it is forgotten.
    """
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE lives_now AS
        WITH raised AS (
            SELECT fact_id, urn, term,
                -- of one fact in several rows or files: where it is first seen
                unnest(arg_min(
                    {'rule_code': rule_code, 'severity': severity, 'table_name': table_name, 'field': field,
                     'message': message, 'remedy': remedy, 'file_name': issues.file_name, 'return_id': return_id, 'row_number': row_number},
                    (received_at, return_id, coalesce(row_number, 0), coalesce(field, ''))
                )),
                min(received_at) AS received_at
            FROM quality.issues AS issues
            INNER JOIN (SELECT file_id, received_at FROM checked_files) AS files ON issues.return_id = files.file_id
            WHERE term IN (SELECT term FROM checked_terms)
                -- what is said of an explanation is found after this, and never explained itself
                AND table_name <> 'explanations'
            GROUP BY fact_id, urn, term
        ),
        before AS (
            SELECT * FROM quality.issue_lives WHERE term IN (SELECT term FROM checked_terms)
        ),
        current_returns AS (
            SELECT file_id, urn, term, received_at FROM checked_files WHERE state = 'current'
        ),
        still_raised AS (
            SELECT raised.fact_id, raised.urn, raised.term, raised.rule_code, raised.severity, raised.table_name,
                raised.field, raised.message, raised.remedy, raised.file_name,
                coalesce(before.first_return_id, raised.return_id) AS first_return_id,
                coalesce(before.first_seen_at, raised.received_at) AS first_seen_at,
                raised.return_id AS last_return_id, raised.row_number AS last_row_number,
                NULL::VARCHAR AS corrected_by_return_id, NULL::TIMESTAMP AS corrected_at
            FROM raised LEFT JOIN before USING (fact_id, urn, term)
        ),
        gone AS (
            SELECT before.* REPLACE (
                coalesce(before.corrected_by_return_id, current_returns.file_id) AS corrected_by_return_id,
                coalesce(before.corrected_at, current_returns.received_at) AS corrected_at
            )
            FROM before
            ANTI JOIN raised USING (fact_id, urn, term)
            LEFT JOIN current_returns USING (urn, term)
            WHERE before.corrected_by_return_id IS NOT NULL OR current_returns.file_id <> before.last_return_id
        )
        SELECT * FROM still_raised UNION ALL SELECT * FROM gone
    """)
    connection.execute("DELETE FROM quality.issue_lives WHERE term IN (SELECT term FROM checked_terms)")
    connection.execute("INSERT INTO quality.issue_lives BY NAME SELECT * FROM lives_now ORDER BY term, urn, fact_id")
