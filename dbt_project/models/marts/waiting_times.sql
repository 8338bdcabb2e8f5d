{{ config(materialized='by_term') }}

with waiting_times as (select * from {{ ref('int_waiting_times') }})

select
    term,
    area_type,
    area_code,
    service,
    referrals,
    seen,
    still_waiting,
    unknown,
    median_days,
    ninetieth_days
from waiting_times
