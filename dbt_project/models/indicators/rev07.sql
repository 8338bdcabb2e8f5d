with reviews as (select * from {{ ref('int_reviews_in_term') }})

select
    'REV07' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    with_parents_evening as is_met
from reviews
