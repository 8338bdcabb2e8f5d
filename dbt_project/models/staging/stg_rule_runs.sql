with rule_runs as (select * from {{ source('quality', 'rule_runs') }}),

lines as (select * from {{ ref('stg_school_lines') }})

select
    rule_runs.term,
    coalesce(lines.line_urn, rule_runs.urn) as urn,
    rule_runs.return_id,
    rule_runs.table_name,
    rule_runs.rule_code,
    rule_runs.result,
    rule_runs.reason,
    rule_runs.rows_checked,
    rule_runs.rows_broken
from rule_runs
left join lines on rule_runs.urn = lines.urn
