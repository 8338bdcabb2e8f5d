with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

issues as (select * from {{ ref('int_pupil_issues') }}),

plans as (select * from {{ ref('int_plans') }}),

reviews as (select * from {{ ref('int_reviews') }}),

events as (
    select
        term,
        pupil_key,
        planned_date as day
    from plans
    union all
    select
        term,
        pupil_key,
        review_date as day
    from reviews
),

supported_in_year as (
    -- at any school of the LA
    select distinct
        events.term,
        events.pupil_key
    from events
    inner join terms on events.term = terms.term
    where events.day > terms.year_start_after and events.day <= terms.as_at_date
),

units as (
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register then
                supported_in_year.pupil_key is not null
                and coalesce(issues.errors + issues.unexplained_queries, 0) = 0
        end as is_met
    from register
    left join issues
        on
            register.term = issues.term
            and register.urn = issues.urn
            and register.pupil_key = issues.pupil_key
    left join supported_in_year
        on
            register.term = supported_in_year.term
            and register.pupil_key = supported_in_year.pupil_key
)

select
    'REC01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
