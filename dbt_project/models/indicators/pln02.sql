with register as (select * from {{ ref('int_register') }}),

plans as (select * from {{ ref('int_open_plans') }}),

plans_of_pupils as (
    select
        term,
        pupil_key,
        count_if(is_kept_up) as kept_up,
        count_if(is_kept_up is null) as not_known
    from plans
    group by term, pupil_key
),

units as (
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register is null then null
            when plans_of_pupils.kept_up > 0 then true
            when plans_of_pupils.not_known > 0 then null
            else false
        end as is_met
    from register
    left join plans_of_pupils
        on
            register.term = plans_of_pupils.term
            and register.pupil_key = plans_of_pupils.pupil_key
)

select
    'PLN02' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
