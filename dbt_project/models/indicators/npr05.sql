with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

review_days as (select * from {{ ref('int_review_days') }}),

earlier as (
    -- on a register of the LA then: not known only where no school knows
    select
        term,
        pupil_key,
        bool_or(is_on_register) as was_on_register
    from register
    group by term, pupil_key
),

since_then as (
    select
        review_days.term,
        review_days.pupil_key,
        count_if(review_days.outcome in ('limited', 'progress')) as known,
        count_if(review_days.outcome = 'not_known') as not_known
    from review_days
    inner join terms on review_days.term = terms.term
    where review_days.review_date > terms.two_terms_before_as_at_date
    group by review_days.term, review_days.pupil_key
),

units as (
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register is null or earlier.was_on_register is null then null
            when since_then.known > 0 then true
            when since_then.not_known > 0 then null
            else false
        end as is_met
    from register
    inner join terms on register.term = terms.term
    inner join earlier
        on
            terms.two_terms_before = earlier.term
            and register.pupil_key = earlier.pupil_key
    left join since_then
        on
            register.term = since_then.term
            and register.pupil_key = since_then.pupil_key
)

select
    'NPR05' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
