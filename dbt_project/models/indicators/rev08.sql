with reviews as (select * from {{ ref('int_reviews_in_term') }}),

limited as (
    -- a review whose progress is not known may have shown limited progress: an unknown unit
    select *
    from reviews
    where coalesce(progress, 'LITTLE') in ('NONE', 'LITTLE')
)

select
    'REV08' as indicator_id,
    term,
    urn,
    pupil_key,
    review_id as unit_id,
    case when progress is not null then next_step <> 'CONTINUE' end as is_met
from limited
