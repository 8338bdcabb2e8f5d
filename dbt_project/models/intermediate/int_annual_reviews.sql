with reviews as (select * from {{ ref('stg_sen2_reviews') }}),

plan_schools as (select * from {{ ref('stg_sen2_plan_schools') }}),

named_schools as (
    -- the newest plan's school; of two that one plan names, one, so that the LA's review is counted once
    select
        pupil_key,
        urn
    from plan_schools
    where urn is not null
    qualify row_number() over (
            partition by pupil_key order by plan_start_date desc nulls last, urn asc nulls last
        ) = 1
),

annual_reviews as (
    select
        named_schools.urn,
        reviews.pupil_key,
        reviews.review_meeting_date,
        max(reviews.last_review_date) as decided_on,
        max(reviews.reference_date) as reference_date
    from reviews
    inner join named_schools on reviews.pupil_key = named_schools.pupil_key
    where reviews.review_meeting_date is not null
    group by named_schools.urn, reviews.pupil_key, reviews.review_meeting_date
)

select * from annual_reviews
