with reviews as (select * from {{ ref('stg_reviews') }}),

speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

speaking as (
    -- of the years' returns that list the key, the newest speaks
    select
        speaking_pupils.term,
        reviews.urn,
        reviews.pupil_key,
        reviews.review_date,
        reviews.planned_date,
        reviews.parents_part,
        reviews.copy_to_parents_date,
        reviews.copy_to_parents_date_unreadable,
        reviews.progress,
        speaking_pupils.school_answered
    from reviews
    inner join speaking_pupils
        on
            reviews.return_id = speaking_pupils.return_id
            and reviews.pupil_key = speaking_pupils.pupil_key
    qualify
        row_number() over (
            partition by speaking_pupils.term, reviews.urn, reviews.pupil_key, reviews.review_date
            order by {{ newest_first('speaking_pupils.return_term_number', 'reviews.row_number') }}
        ) = 1
)

select * from speaking
