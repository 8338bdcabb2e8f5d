with plans as (select * from {{ ref('int_plans_made_in_term') }}),

parameters as (select * from {{ ref('int_parameters') }}),

units as (
    select
        plans.term,
        plans.urn,
        plans.pupil_key,
        plans.plan_id,
        case
            when
                plans.assessed_date
                >= cast({{ dbt.dateadd('day', '-parameters.assessed_days', 'plans.planned_date') }} as date)
                and plans.assessed_date <= plans.planned_date then true
            when plans.assessed_date_unreadable then null
            else false
        end as is_met
    from plans
    inner join parameters on plans.term = parameters.term
)

select
    'ASM01' as indicator_id,
    term,
    urn,
    pupil_key,
    plan_id as unit_id,
    is_met
from units
