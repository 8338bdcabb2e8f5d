with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms_to_build') }}),

parameters as (select * from {{ ref('int_parameters') }}),

reviews as (select * from {{ ref('int_reviews') }}),

coverage as (select * from {{ ref('int_year_coverage') }}),

pupils as (
    -- SEN start at least a year before A; where it is not known, the pupil is an unknown unit
    select
        register.term,
        register.urn,
        register.pupil_key,
        coalesce(register.is_on_register, false) and register.sen_start_date is not null as is_unit
    from register
    inner join terms on register.term = terms.term
    inner join parameters on register.term = parameters.term
    where
        register.sen_start_date is null
        or register.sen_start_date
        <= cast({{ dbt.dateadd('month', '-parameters.reviews_after_months', 'terms.as_at_date') }} as date)
),

review_dates as (
    -- at any school of the LA; a day on which two schools reviewed is one review date
    select
        reviews.term,
        reviews.pupil_key,
        reviews.review_date,
        bool_or(coalesce(reviews.parents_part = 'TOOK_PART', false)) as parents_took_part,
        bool_or(reviews.parents_part is null) as parents_part_not_known
    from reviews
    inner join terms on reviews.term = terms.term
    where reviews.review_date > terms.year_start_after and reviews.review_date <= terms.as_at_date
    group by reviews.term, reviews.pupil_key, reviews.review_date
),

counted as (
    select
        term,
        pupil_key,
        count(*) as review_dates,
        count_if(parents_took_part) as with_parents,
        count_if(parents_took_part or parents_part_not_known) as possibly_with_parents
    from review_dates
    group by term, pupil_key
),

review_years as (
    select
        pupils.term,
        pupils.urn,
        pupils.pupil_key,
        pupils.is_unit and coalesce(coverage.year_is_covered, false) as year_is_known,
        coalesce(counted.review_dates, 0) as review_dates,
        coalesce(counted.with_parents, 0) as with_parents,
        coalesce(counted.possibly_with_parents, 0) as possibly_with_parents
    from pupils
    left join coverage
        on
            pupils.term = coverage.term
            and pupils.pupil_key = coverage.pupil_key
    left join counted
        on
            pupils.term = counted.term
            and pupils.pupil_key = counted.pupil_key
)

select * from review_years
