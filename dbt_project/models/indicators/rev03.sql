with reviews as (select * from {{ ref('int_reviews_in_term') }})

select
    'REV03' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    parents_part in ('TOOK_PART', 'VIEWS_ONLY') as is_met
from reviews
