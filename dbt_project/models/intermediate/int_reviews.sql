with reviews as (select * from {{ ref('stg_reviews') }}),

speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

pupils as (select * from {{ ref('int_pupils') }}),

speaking as (
    -- of the years' returns that list the key, the newest speaks
    select
        speaking_pupils.term,
        reviews.urn,
        reviews.pupil_key,
        speaking_pupils.school_answered,
        reviews.planned_date,
        reviews.review_date,
        reviews.led_by,
        reviews.parents_part,
        reviews.pupil_part,
        reviews.with_parents_evening,
        reviews.copy_to_parents_date,
        reviews.copy_to_parents_date_unreadable,
        reviews.progress,
        reviews.support_delivered,
        reviews.next_step
    from reviews
    inner join speaking_pupils
        on
            reviews.return_id = speaking_pupils.return_id
            and reviews.pupil_key = speaking_pupils.pupil_key
    qualify
        row_number() over (
            partition by speaking_pupils.term, reviews.urn, reviews.pupil_key, reviews.review_date
            order by reviews.academic_year desc nulls last, reviews.row_number asc nulls last
        ) = 1
),

with_leaving as (
    select
        speaking.*,
        concat(speaking.pupil_key, '/', cast(speaking.review_date as varchar)) as review_id,
        pupils.leaving_date,
        pupils.leaving_date_unreadable
    from speaking
    inner join pupils
        on
            speaking.term = pupils.term
            and speaking.urn = pupils.urn
            and speaking.pupil_key = pupils.pupil_key
)

select * from with_leaving
