with issues as (select * from {{ source('quality', 'issues') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    issues.issue_id,
    issues.return_id,
    issues.file_name,
    coalesce(lines.line_urn, issues.urn) as urn,
    issues.term,
    issues.rule_code,
    issues.severity,
    issues.table_name,
    issues.row_number,
    -- whose row it is, as far as the row says
    pupil_keys.pupil_key,
    issues.field,
    issues.fields,
    issues.message,
    issues.remedy,
    issues.costs,
    issues.fact_id
from issues
left join lines on issues.urn = lines.urn
left join pupil_keys on issues.upn = pupil_keys.identifier
