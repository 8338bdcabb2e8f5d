with plans as (select * from {{ ref('int_plans_made_in_term') }})

select
    'DO02' as indicator_id,
    term,
    urn,
    pupil_key,
    plan_id as unit_id,
    staff_trained as is_met
from plans
