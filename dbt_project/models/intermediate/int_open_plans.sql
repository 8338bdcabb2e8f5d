with plans as (select * from {{ ref('int_plans') }}),

pupils as (select * from {{ ref('int_pupils') }}),

reviews as (select * from {{ ref('int_reviews') }}),

due_days as (select * from {{ ref('int_review_windows') }}),

terms as (select * from {{ ref('int_terms') }}),

last_reviews as (
    -- of the plan, at any school of the LA
    select
        reviews.term,
        reviews.pupil_key,
        reviews.planned_date,
        max(reviews.review_date) as review_date
    from reviews
    inner join terms on reviews.term = terms.term
    where reviews.review_date <= terms.as_at_date
    group by reviews.term, reviews.pupil_key, reviews.planned_date
),

possibly_open as (
    -- what a school says of a pupil who left counts up to the leaving date
    select
        plans.*,
        terms.as_at_date,
        terms.year_start_after,
        plans.ended_date_unreadable or pupils.leaving_date_unreadable as may_have_ended
    from plans
    inner join terms on plans.term = terms.term
    inner join pupils
        on
            plans.term = pupils.term
            and plans.urn = pupils.urn
            and plans.pupil_key = pupils.pupil_key
    where
        plans.planned_date <= terms.as_at_date
        -- the school's new year does not carry it in: it is open no more
        and plans.listed_until is null
        and (plans.ended_date is null or plans.ended_date > terms.as_at_date)
        and (pupils.leaving_date is null or pupils.leaving_date > terms.as_at_date)
),

judged as (
    select
        possibly_open.*,
        possibly_open.planned_date > possibly_open.year_start_after
        or coalesce(last_reviews.review_date > possibly_open.year_start_after, false) as is_of_the_year,
        case
            when last_reviews.review_date is not null then false
            when possibly_open.review_due_date is null then null
            when possibly_open.review_due_date > possibly_open.as_at_date then false
            -- due on a day before the calendar begins: the school days are over long since
            when due_days.day is null then true
            else coalesce(due_days.window_closes_on <= possibly_open.as_at_date, false)
        end as is_overdue
    from possibly_open
    left join last_reviews
        on
            possibly_open.term = last_reviews.term
            and possibly_open.pupil_key = last_reviews.pupil_key
            and possibly_open.planned_date = last_reviews.planned_date
    left join due_days
        on
            possibly_open.term = due_days.term
            and possibly_open.review_due_date = due_days.day
),

open_plans as (
    select
        term,
        urn,
        pupil_key,
        planned_date,
        case
            when not is_of_the_year or is_overdue then false
            when is_overdue is null or may_have_ended then null
            else true
        end as is_kept_up
    from judged
)

select * from open_plans
