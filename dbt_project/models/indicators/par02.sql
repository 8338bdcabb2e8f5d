with review_years as (select * from {{ ref('int_review_years') }}),

parameters as (select * from {{ ref('int_parameters') }}),

units as (
    select
        review_years.term,
        review_years.urn,
        review_years.pupil_key,
        case
            when not review_years.year_is_known then null
            when review_years.with_parents >= parameters.reviews_a_year then true
            when review_years.possibly_with_parents >= parameters.reviews_a_year then null
            else false
        end as is_met
    from review_years
    inner join parameters on review_years.term = parameters.term
)

select
    'PAR02' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
