with plans as (select * from {{ ref('int_plans_due') }}),

reviews as (select * from {{ ref('int_reviews') }}),

in_window as (
    -- a review of this plan, at any school of the LA
    select distinct
        plans.term,
        plans.urn,
        plans.plan_id
    from plans
    inner join reviews
        on
            plans.term = reviews.term
            and plans.pupil_key = reviews.pupil_key
            and plans.planned_date = reviews.planned_date
            and reviews.review_date between plans.window_opens_on and plans.window_closes_on
),

units as (
    select
        plans.term,
        plans.urn,
        plans.pupil_key,
        plans.plan_id,
        case
            -- whether it came due in the term, or whether the pupil was still there, is not known
            when not plans.is_due_for_certain then null
            when in_window.plan_id is not null then true
            when plans.ended_date_unreadable then null
            else false
        end as is_met
    from plans
    left join in_window
        on
            plans.term = in_window.term
            and plans.urn = in_window.urn
            and plans.plan_id = in_window.plan_id
    -- a plan that ended before its due date counts only where it was reviewed in the window all the same
    where
        in_window.plan_id is not null
        or plans.ended_date is null
        or plans.review_due_date is null
        or plans.ended_date >= plans.review_due_date
)

select
    'REV02' as indicator_id,
    term,
    urn,
    pupil_key,
    plan_id as unit_id,
    is_met
from units
