with newly_on_register as (select * from {{ ref('int_newly_on_register') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

school_days as (select * from {{ ref('int_school_days') }}),

pupils as (select * from {{ ref('int_pupils') }}),

plans as (select * from {{ ref('int_plans') }}),

new_pupils as (
    select distinct
        term,
        pupil_key
    from newly_on_register
),

told as (
    -- at any school of the LA
    select
        pupils.term,
        pupils.pupil_key,
        min(pupils.parents_informed_date) as parents_informed_date,
        bool_or(pupils.parents_informed_date_unreadable) as parents_informed_date_unreadable
    from pupils
    inner join new_pupils
        on
            pupils.term = new_pupils.term
            and pupils.pupil_key = new_pupils.pupil_key
    group by pupils.term, pupils.pupil_key
),

first_plans as (
    select
        plans.term,
        plans.pupil_key,
        min(plans.planned_date) as planned_date
    from plans
    inner join new_pupils
        on
            plans.term = new_pupils.term
            and plans.pupil_key = new_pupils.pupil_key
    group by plans.term, plans.pupil_key
),

limits as (
    select
        first_plans.term,
        first_plans.pupil_key,
        first_plans.planned_date,
        -- a plan from before the calendar: no school day is known, and the days are over long since
        coalesce(last_day.day, first_plans.planned_date) as tell_by
    from first_plans
    inner join parameters on first_plans.term = parameters.term
    left join school_days as planned on first_plans.planned_date = planned.day
    left join school_days as last_day
        on
            last_day.is_school_day
            and last_day.school_day_number = planned.school_day_number + parameters.parents_told_school_days
),

units as (
    select
        newly_on_register.term,
        newly_on_register.urn,
        newly_on_register.pupil_key,
        case
            when newly_on_register.is_newly_on_register is null then null
            -- the days are not over at A: counted as told
            when limits.tell_by > terms.as_at_date then true
            when told.parents_informed_date <= coalesce(limits.tell_by, terms.as_at_date) then true
            when told.parents_informed_date_unreadable then null
            else false
        end as is_met
    from newly_on_register
    inner join terms on newly_on_register.term = terms.term
    left join told
        on
            newly_on_register.term = told.term
            and newly_on_register.pupil_key = told.pupil_key
    left join limits
        on
            newly_on_register.term = limits.term
            and newly_on_register.pupil_key = limits.pupil_key
)

select
    'PAR01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
