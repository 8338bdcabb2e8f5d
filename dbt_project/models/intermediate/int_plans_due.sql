with plans as (select * from {{ ref('int_plans') }}),

pupils as (select * from {{ ref('int_pupils') }}),

due_days as (select * from {{ ref('int_review_windows') }}),

terms as (select * from {{ ref('int_terms') }}),

due_in_term as (
    -- a plan is counted once: in the term in which its tolerance ran out
    select
        plans.*,
        due_days.window_opens_on,
        due_days.window_closes_on
    from plans
    inner join due_days
        on
            plans.term = due_days.term
            and plans.review_due_date = due_days.day
    inner join terms
        on
            plans.term = terms.term
            and due_days.window_closes_on > terms.previous_as_at_date
            and due_days.window_closes_on <= terms.as_at_date
    where plans.school_answered
    union all
    -- one whose due date is not known may have come due in any term in which it was open
    select
        plans.*,
        null as window_opens_on,
        null as window_closes_on
    from plans
    inner join terms on plans.term = terms.term
    left join due_days
        on
            plans.term = due_days.term
            and plans.planned_date = due_days.day
    where
        plans.review_due_date is null
        and plans.school_answered
        -- due on the day of the plan at the earliest
        and coalesce(due_days.window_closes_on, plans.planned_date) <= terms.as_at_date
        and (plans.ended_date is null or plans.ended_date > terms.previous_as_at_date)
        and (plans.listed_until is null or plans.listed_until > terms.previous_as_at_date)
),

of_pupils_there as (
    select
        due_in_term.*,
        concat(due_in_term.pupil_key, '/', cast(due_in_term.planned_date as varchar)) as plan_id,
        due_in_term.review_due_date is not null and not pupils.leaving_date_unreadable as is_due_for_certain
    from due_in_term
    inner join terms on due_in_term.term = terms.term
    inner join pupils
        on
            due_in_term.term = pupils.term
            and due_in_term.urn = pupils.urn
            and due_in_term.pupil_key = pupils.pupil_key
    where
        pupils.leaving_date is null
        or pupils.leaving_date >= due_in_term.review_due_date
        or (due_in_term.review_due_date is null and pupils.leaving_date > terms.previous_as_at_date)
)

select * from of_pupils_there
