{{ config(materialized='by_term') }}

with units as (select * from {{ ref('int_indicator_units') }})

select
    indicator_id,
    urn,
    term,
    pupil_key,
    unit_id,
    is_met
from units
