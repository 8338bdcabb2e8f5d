with comparators as (select * from {{ ref('int_comparators') }})

select
    release,
    time_period,
    area_type,
    area_code,
    area_name,
    measure,
    breakdown,
    numerator,
    denominator,
    value,
    symbol
from comparators
