with reviews as (select * from {{ ref('int_reviews') }}),

terms as (select * from {{ ref('int_terms') }}),

in_term as (
    select reviews.*
    from reviews
    inner join terms on reviews.term = terms.term
    where
        reviews.school_answered
        and reviews.review_date > terms.previous_as_at_date
        and reviews.review_date <= terms.as_at_date
)

select * from in_term
