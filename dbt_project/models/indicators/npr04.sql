with register as (select * from {{ ref('int_register') }}),

involvement as (select * from {{ ref('int_specialist_involvement') }}),

units as (
    -- not for special schools: the seed duty_applies_to says so. Where below_peers is not known, so is the unit
    select
        register.term,
        register.urn,
        register.pupil_key,
        case when register.is_on_register and register.below_peers then involvement.specialist_involved end as is_met
    from register
    inner join involvement
        on
            register.term = involvement.term
            and register.pupil_key = involvement.pupil_key
    where coalesce(register.below_peers, true)
)

select
    'NPR04' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
