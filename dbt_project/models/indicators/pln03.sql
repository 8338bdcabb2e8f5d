with plans as (select * from {{ ref('int_plans_made_in_term') }})

select
    'PLN03' as indicator_id,
    term,
    urn,
    pupil_key,
    plan_id as unit_id,
    parents_agreed and pupil_agreed in ('Y', 'NA') as is_met
from plans
