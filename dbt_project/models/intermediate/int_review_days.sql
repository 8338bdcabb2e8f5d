with reviews as (select * from {{ ref('int_reviews') }}),

register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

pupils as (
    select distinct
        term,
        pupil_key
    from register
),

held as (
    -- what was done at any school of the LA counts for the pupil, so both schools of a dual enrolment speak
    select
        reviews.term,
        reviews.pupil_key,
        reviews.review_date,
        min(reviews.planned_date) filter (
            where reviews.progress is null or reviews.progress <> 'NOT_ASSESSED'
        ) as planned_date,
        count_if(reviews.progress in ('EXPECTED', 'EXCEEDED')) as showing_progress,
        count_if(reviews.progress in ('NONE', 'LITTLE')) as showing_limited_progress,
        count_if(reviews.progress is null) as progress_not_known
    from reviews
    inner join pupils
        on
            reviews.term = pupils.term
            and reviews.pupil_key = pupils.pupil_key
    inner join terms on reviews.term = terms.term
    where reviews.review_date <= terms.as_at_date
    group by reviews.term, reviews.pupil_key, reviews.review_date
),

judged as (
    select
        term,
        pupil_key,
        review_date,
        planned_date,
        case
            when showing_progress > 0 then 'progress'
            when progress_not_known > 0 then 'not_known'
            when showing_limited_progress > 0 then 'limited'
            else 'not_assessed'
        end as outcome
    from held
)

select * from judged
