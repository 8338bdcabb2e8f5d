with issues as (select * from {{ source('quality', 'issues') }})

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
    fields,
    message,
    remedy,
    costs
from issues
