with figures as (select * from {{ ref('int_rated_figures') }})

select
    indicator_id,
    area_code as urn,
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
    applies_as
from figures
where area_type = 'school'
