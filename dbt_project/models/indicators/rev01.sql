with review_years as (select * from {{ ref('int_review_years') }}),

parameters as (select * from {{ ref('int_parameters') }}),

units as (
    select
        review_years.term,
        review_years.urn,
        review_years.pupil_key,
        case when review_years.year_is_known then review_years.review_dates >= parameters.reviews_a_year end as is_met
    from review_years
    inner join parameters on review_years.term = parameters.term
)

select
    'REV01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
