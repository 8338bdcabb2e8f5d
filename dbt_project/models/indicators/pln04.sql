with newly_on_register as (select * from {{ ref('int_newly_on_register') }}),

plans as (select * from {{ ref('int_plans') }}),

first_plans as (
    -- at any school of the LA; of two that began on one day either will do
    select
        term,
        pupil_key,
        planned_date,
        count_if(parents_agreed) as agreed,
        count_if(parents_agreed is null) as not_known
    from plans
    group by term, pupil_key, planned_date
    qualify row_number() over (partition by term, pupil_key order by planned_date asc nulls last) = 1
),

units as (
    select
        newly_on_register.term,
        newly_on_register.urn,
        newly_on_register.pupil_key,
        case
            when newly_on_register.is_newly_on_register is null then null
            when first_plans.agreed > 0 then true
            when first_plans.not_known > 0 then null
            else false
        end as is_met
    from newly_on_register
    inner join first_plans
        on
            newly_on_register.term = first_plans.term
            and newly_on_register.pupil_key = first_plans.pupil_key
)

select
    'PLN04' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
