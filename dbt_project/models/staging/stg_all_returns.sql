with returns as (select * from {{ source('ledger', 'returns') }})

select
    return_id,
    urn,
    laestab,
    term,
    academic_year,
    file_name,
    serial,
    received_at,
    specification,
    state
from returns
