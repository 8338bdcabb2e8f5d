with reviews as (select * from {{ ref('int_reviews_in_term') }}),

appropriate as (
    -- NA is no unit: it was not appropriate. A part that is not known is an unknown unit
    select *
    from reviews
    where pupil_part is null or pupil_part <> 'NA'
)

select
    'REV04' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    pupil_part in ('TOOK_PART', 'VIEWS_ONLY') as is_met
from appropriate
