with quarantined_rows as (select * from {{ source('quality', 'quarantined_rows') }}),

lines as (select * from {{ ref('stg_school_lines') }})

select
    quarantined_rows.return_id,
    coalesce(lines.line_urn, quarantined_rows.urn) as urn,
    quarantined_rows.term,
    quarantined_rows.table_name,
    quarantined_rows.row_number,
    quarantined_rows.rule_code,
    quarantined_rows.reason
from quarantined_rows
left join lines on quarantined_rows.urn = lines.urn
