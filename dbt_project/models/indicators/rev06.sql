with reviews as (select * from {{ ref('int_reviews_in_term') }})

select
    'REV06' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    led_by = 'TEACHER' as is_met
from reviews
