with files as (select * from {{ source('ledger', 'files') }}),

lines as (select * from {{ ref('stg_school_lines') }})

select
    files.file_id,
    files.file_name,
    files.received_at,
    files.format,
    files.fault,
    files.state,
    files.duplicate_of,
    files.laestab,
    coalesce(lines.line_urn, files.urn) as urn,
    files.term,
    files.academic_year,
    files.specification,
    files.serial
from files
left join lines on files.urn = lines.urn
