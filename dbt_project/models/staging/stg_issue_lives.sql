with issue_lives as (select * from {{ source('quality', 'issue_lives') }}),

lines as (select * from {{ ref('stg_school_lines') }})

select
    issue_lives.fact_id,
    coalesce(lines.line_urn, issue_lives.urn) as urn,
    issue_lives.term,
    issue_lives.rule_code,
    issue_lives.severity,
    issue_lives.table_name,
    issue_lives.field,
    issue_lives.message,
    issue_lives.remedy,
    issue_lives.file_name,
    issue_lives.first_return_id,
    issue_lives.first_seen_at,
    issue_lives.last_return_id,
    issue_lives.last_row_number,
    issue_lives.corrected_by_return_id,
    issue_lives.corrected_at
from issue_lives
left join lines on issue_lives.urn = lines.urn
