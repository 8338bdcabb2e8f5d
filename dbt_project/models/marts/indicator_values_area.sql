with figures as (select * from {{ ref('int_rated_figures') }})

select
    indicator_id,
    area_type,
    area_code,
    term,
    group_type,
    group_value,
    numerator,
    denominator,
    unknown,
    value,
    unit,
    lower_95,
    upper_95,
    rag,
    target,
    schools_counted,
    schools_missing
from figures
where area_type <> 'school'
