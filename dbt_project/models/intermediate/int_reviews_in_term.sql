with reviews as (select * from {{ ref('stg_reviews') }}),

speaking_in_term as (select * from {{ ref('int_speaking_in_term') }}),

in_term as (
    -- with everything that the return says of them, which int_reviews does not carry through all the years
    select
        speaking_in_term.term,
        reviews.urn,
        reviews.pupil_key,
        concat(reviews.pupil_key, '/', cast(reviews.review_date as varchar)) as review_id,
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
    inner join speaking_in_term
        on
            reviews.return_id = speaking_in_term.return_id
            and reviews.pupil_key = speaking_in_term.pupil_key
            and reviews.review_date > speaking_in_term.previous_as_at_date
            and reviews.review_date <= speaking_in_term.as_at_date
    qualify
        row_number() over (
            partition by speaking_in_term.term, reviews.urn, reviews.pupil_key, reviews.review_date
            order by reviews.row_number asc nulls last
        ) = 1
)

select * from in_term
