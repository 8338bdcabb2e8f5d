with consultations as (select * from {{ ref('int_consultations') }}),

pupils as (select * from {{ ref('int_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

with_last_day as (
    select
        consultations.*,
        cast(
            {{ dbt.dateadd('day', 'parameters.consultation_days', 'consultations.consulted_date') }} as date
        ) as reply_by
    from consultations
    inner join parameters on consultations.term = parameters.term
    where consultations.school_answered
),

units as (
    -- a consultation is counted once: in the term in which its days ran out
    select
        with_last_day.term,
        with_last_day.urn,
        with_last_day.pupil_key,
        concat(with_last_day.pupil_key, '/', cast(with_last_day.consulted_date as varchar)) as consultation_id,
        case
            when with_last_day.responded_date <= with_last_day.reply_by then true
            when with_last_day.responded_date_unreadable then null
            else false
        end as is_met
    from with_last_day
    inner join terms
        on
            with_last_day.term = terms.term
            and with_last_day.reply_by > terms.previous_as_at_date
            and with_last_day.reply_by <= terms.as_at_date
    left join pupils
        on
            with_last_day.term = pupils.term
            and with_last_day.urn = pupils.urn
            and with_last_day.pupil_key = pupils.pupil_key
    -- most are of pupils whom the school does not have; who had left before is consulted on anew
    where
        pupils.leaving_date is null
        or pupils.leaving_date < with_last_day.consulted_date
        or pupils.leaving_date >= with_last_day.reply_by
)

select
    'EHC04' as indicator_id,
    term,
    urn,
    pupil_key,
    consultation_id as unit_id,
    is_met
from units
