with plans as (select * from {{ ref('int_plans_made_in_term') }})

select
    'DO03' as indicator_id,
    term,
    urn,
    pupil_key,
    plan_id as unit_id,
    teacher_responsible as is_met
from plans
