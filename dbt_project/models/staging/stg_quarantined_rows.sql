with quarantined_rows as (select * from {{ source('quality', 'quarantined_rows') }})

select
    return_id,
    urn,
    term,
    table_name,
    row_number,
    rule_code,
    reason
from quarantined_rows
