with reviews as (select * from {{ ref('int_reviews') }}),

pupils as (select * from {{ ref('int_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

school_days as (select * from {{ ref('int_school_days') }}),

days_that_run_out as (
    -- a review is counted once: in the term in which its school days ran out
    select
        terms.term,
        reviewed.day,
        last_day.day as copy_by
    from terms
    inner join parameters on terms.term = parameters.term
    inner join school_days as reviewed on terms.as_at_date >= reviewed.day
    inner join school_days as last_day
        on
            last_day.is_school_day
            and last_day.school_day_number = reviewed.school_day_number + parameters.copy_school_days
            and terms.previous_as_at_date < last_day.day
            and terms.as_at_date >= last_day.day
),

units as (
    select
        reviews.term,
        reviews.urn,
        reviews.pupil_key,
        concat(reviews.pupil_key, '/', cast(reviews.review_date as varchar)) as review_id,
        case
            -- whether the pupil was still there is not known
            when pupils.leaving_date_unreadable then null
            when reviews.copy_to_parents_date <= days_that_run_out.copy_by then true
            when reviews.copy_to_parents_date_unreadable then null
            else false
        end as is_met
    from reviews
    inner join days_that_run_out
        on
            reviews.term = days_that_run_out.term
            and reviews.review_date = days_that_run_out.day
    inner join pupils
        on
            reviews.term = pupils.term
            and reviews.urn = pupils.urn
            and reviews.pupil_key = pupils.pupil_key
    where
        reviews.school_answered
        and (pupils.leaving_date is null or pupils.leaving_date >= days_that_run_out.copy_by)
)

select
    'REV05' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    is_met
from units
