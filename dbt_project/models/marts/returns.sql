{{ config(materialized='by_term') }}

with school_returns as (select * from {{ ref('int_school_returns') }})

select
    urn,
    term,
    status,
    return_id,
    received_at,
    on_time,
    rows_received,
    rows_accepted,
    rows_quarantined,
    errors,
    queries,
    explained,
    is_due
from school_returns
