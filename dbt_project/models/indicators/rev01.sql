with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

reviews as (select * from {{ ref('int_reviews') }}),

coverage as (select * from {{ ref('int_year_coverage') }}),

pupils as (
    -- SEN start at least a year before A; where it is not known, the pupil is an unknown unit
    select
        register.*,
        register.is_on_register and register.sen_start_date is not null as is_unit
    from register
    inner join terms on register.term = terms.term
    inner join parameters on register.term = parameters.term
    where
        register.sen_start_date is null
        or register.sen_start_date
        <= cast({{ dbt.dateadd('month', '-parameters.reviews_after_months', 'terms.as_at_date') }} as date)
),

reviewed as (
    -- at any school of the LA; a day on which two schools reviewed is one review date
    select
        reviews.term,
        reviews.pupil_key,
        count(distinct reviews.review_date) as review_dates
    from reviews
    inner join terms on reviews.term = terms.term
    where reviews.review_date > terms.year_start_after and reviews.review_date <= terms.as_at_date
    group by reviews.term, reviews.pupil_key
),

units as (
    select
        pupils.term,
        pupils.urn,
        pupils.pupil_key,
        case
            when pupils.is_unit and coverage.year_is_covered
                then coalesce(reviewed.review_dates, 0) >= parameters.reviews_a_year
        end as is_met
    from pupils
    inner join parameters on pupils.term = parameters.term
    left join coverage
        on
            pupils.term = coverage.term
            and pupils.pupil_key = coverage.pupil_key
    left join reviewed
        on
            pupils.term = reviewed.term
            and pupils.pupil_key = reviewed.pupil_key
)

select
    'REV01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
