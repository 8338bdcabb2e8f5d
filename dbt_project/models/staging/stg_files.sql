with files as (select * from {{ source('ledger', 'files') }})

select
    file_id,
    file_name,
    received_at,
    format,
    fault,
    state,
    duplicate_of,
    laestab,
    urn,
    term,
    academic_year,
    specification,
    serial
from files
