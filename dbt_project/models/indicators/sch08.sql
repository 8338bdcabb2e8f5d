with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH08' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    made_accessibility_plan_in_period and set_equality_objectives_in_period as is_met
from arrangements
