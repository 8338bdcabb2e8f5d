with register as (select * from {{ ref('int_register') }}),

parameters as (select * from {{ ref('int_parameters') }}),

review_days as (select * from {{ ref('int_review_days') }}),

spells as (select * from {{ ref('int_spells') }}),

assessed as (
    select
        term,
        pupil_key,
        count_if(outcome in ('limited', 'progress')) as known,
        count_if(outcome <> 'not_assessed') as known_or_possible
    from review_days
    group by term, pupil_key
),

units as (
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register is null or assessed.known < parameters.spell_reviews then null
            when spells.pupil_key is null then false
            -- null where it hangs on a review whose progress is not known
            else spells.is_current
        end as is_met
    from register
    inner join parameters on register.term = parameters.term
    inner join assessed
        on
            register.term = assessed.term
            and register.pupil_key = assessed.pupil_key
    left join spells
        on
            register.term = spells.term
            and register.pupil_key = spells.pupil_key
    where assessed.known_or_possible >= parameters.spell_reviews
)

select
    'NPR01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
