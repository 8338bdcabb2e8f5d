with reviews as (select * from {{ ref('int_reviews_in_term') }}),

assessed as (
    -- a review whose progress is not known is an unknown unit
    select *
    from reviews
    where progress is null or progress <> 'NOT_ASSESSED'
)

select
    'PRG01' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    progress in ('EXPECTED', 'EXCEEDED') as is_met
from assessed
