with rule_runs as (select * from {{ source('quality', 'rule_runs') }})

select
    term,
    urn,
    return_id,
    table_name,
    rule_code,
    result,
    reason,
    rows_checked,
    rows_broken
from rule_runs
