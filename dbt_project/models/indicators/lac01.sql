with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

pupil_dates as (select * from {{ ref('int_pupil_dates') }}),

units as (
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register is null then null
            when
                pupil_dates.designated_teacher_liaison_date > terms.year_start_after
                and pupil_dates.designated_teacher_liaison_date <= terms.as_at_date then true
            when pupil_dates.designated_teacher_liaison_date_unreadable then null
            else false
        end as is_met
    from register
    inner join terms on register.term = terms.term
    inner join pupil_dates
        on
            register.term = pupil_dates.term
            and register.pupil_key = pupil_dates.pupil_key
    where register.is_looked_after
)

select
    'LAC01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
