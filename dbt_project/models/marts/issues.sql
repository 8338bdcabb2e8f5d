with issues as (select * from {{ ref('int_issues') }})

select
    issue_id,
    return_id,
    file_name,
    urn,
    term,
    rule_code,
    severity,
    table_name,
    row_number,
    field,
    message,
    remedy,
    state
from issues
