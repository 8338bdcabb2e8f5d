with plans as (select * from {{ ref('int_plans') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

school_days as (select * from {{ ref('int_school_days') }}),

due_days as (
    -- the due date itself may lie in a holiday: day 1 is the next school day, day -1 the one before
    select
        day,
        school_day_number as school_days_up_to,
        case when is_school_day then school_day_number - 1 else school_day_number end as school_days_before
    from school_days
),

windows as (
    select
        plans.*,
        first_day.day as window_opens_on,
        last_day.day as window_closes_on,
        earliest.day as earliest_possible_close
    from plans
    inner join parameters on plans.term = parameters.term
    left join due_days on plans.review_due_date = due_days.day
    left join school_days as first_day
        on
            first_day.is_school_day
            and first_day.school_day_number
            = due_days.school_days_before + 1 - parameters.review_tolerance_school_days
    left join school_days as last_day
        on
            last_day.is_school_day
            and last_day.school_day_number = due_days.school_days_up_to + parameters.review_tolerance_school_days
    left join due_days as planned on plans.planned_date = planned.day
    left join school_days as earliest
        on
            earliest.is_school_day
            and earliest.school_day_number = planned.school_days_up_to + parameters.review_tolerance_school_days
    where plans.school_answered
),

due_in_term as (
    -- a plan is counted once: in the term in which its tolerance ran out. A plan whose due date is not known may have
    -- come due in any term in which it was open
    select
        windows.*,
        windows.review_due_date is not null and not windows.leaving_date_unreadable as is_due_for_certain
    from windows
    inner join terms on windows.term = terms.term
    where
        (
            windows.window_closes_on > terms.previous_as_at_date
            and windows.window_closes_on <= terms.as_at_date
            and (windows.leaving_date is null or windows.leaving_date >= windows.review_due_date)
        )
        or (
            windows.review_due_date is null
            and coalesce(windows.earliest_possible_close, windows.planned_date) <= terms.as_at_date
            and (windows.ended_date is null or windows.ended_date > terms.previous_as_at_date)
            and (windows.leaving_date is null or windows.leaving_date > terms.previous_as_at_date)
        )
)

select * from due_in_term
