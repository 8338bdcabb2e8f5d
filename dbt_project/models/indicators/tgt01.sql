with plans as (select * from {{ ref('int_plans_made_in_term') }})

select
    'TGT01' as indicator_id,
    term,
    urn,
    pupil_key,
    plan_id as unit_id,
    targets_measurable as is_met
from plans
