with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

school_days as (select * from {{ ref('int_school_days') }}),

spells as (select * from {{ ref('int_spells') }}),

involvement as (select * from {{ ref('int_specialist_involvement') }}),

established_long_enough as (
    -- the school has had its school days since the establishing review: the last of them is A or earlier
    select spells.*
    from spells
    inner join terms on spells.term = terms.term
    inner join parameters on spells.term = parameters.term
    inner join school_days as as_at on terms.as_at_date = as_at.day
    left join school_days as established on spells.established_on = established.day
    -- before the calendar there is no number, and the days are over long since
    where coalesce(established.school_day_number, 0) + parameters.specialist_lag_school_days <= as_at.school_day_number
),

units as (
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register and established_long_enough.is_current then involvement.specialist_involved
        end as is_met
    from register
    inner join established_long_enough
        on
            register.term = established_long_enough.term
            and register.pupil_key = established_long_enough.pupil_key
    inner join involvement
        on
            register.term = involvement.term
            and register.pupil_key = involvement.pupil_key
)

select
    'NPR02' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
