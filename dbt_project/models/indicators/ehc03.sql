with register as (select * from {{ ref('int_register') }}),

plan_starts as (select * from {{ ref('int_ehc_plan_starts') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

pupil_dates as (select * from {{ ref('int_pupil_dates') }}),

units as (
    -- whose provision is not known may have an EHC plan
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register is null or register.sen_provision is null then null
            when
                pupil_dates.annual_review_meeting_date
                >= cast({{ dbt.dateadd('month', '-parameters.annual_review_months', 'terms.as_at_date') }} as date)
                and pupil_dates.annual_review_meeting_date <= terms.as_at_date then true
            when pupil_dates.annual_review_meeting_date_unreadable then null
            else false
        end as is_met
    from register
    inner join terms on register.term = terms.term
    inner join parameters on register.term = parameters.term
    inner join plan_starts
        on
            register.term = plan_starts.term
            and register.pupil_key = plan_starts.pupil_key
            and plan_starts.plan_start_date
            <= cast({{ dbt.dateadd('month', '-parameters.annual_review_after_months', 'terms.as_at_date') }} as date)
    inner join pupil_dates
        on
            register.term = pupil_dates.term
            and register.pupil_key = pupil_dates.pupil_key
    where coalesce(register.sen_provision, 'E') = 'E'
)

select
    'EHC03' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
