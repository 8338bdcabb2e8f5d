{{ config(alias='comparator_measures') }}

with measures as (select * from {{ ref('comparator_measures') }})

select
    measure,
    position,
    theme,
    name,
    unit,
    better,
    beside
from measures
