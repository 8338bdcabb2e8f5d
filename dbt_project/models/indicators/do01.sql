with reviews as (select * from {{ ref('int_reviews_in_term') }})

select
    'DO01' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    support_delivered in ('FULLY', 'MOSTLY') as is_met
from reviews
