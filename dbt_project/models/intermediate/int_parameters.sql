with terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('parameters') }}),

in_force as (
    select
        terms.term,
        parameters.parameter,
        parameters.value
    from terms
    inner join parameters on terms.as_at_date >= parameters.valid_from
    qualify
        row_number() over (
            partition by terms.term, parameters.parameter
            order by parameters.valid_from desc nulls last
        ) = 1
),

by_name as (
    select
        term,
        max(value) filter (where parameter = 'review_tolerance_school_days') as review_tolerance_school_days,
        max(value) filter (where parameter = 'reviews_a_year') as reviews_a_year,
        max(value) filter (where parameter = 'reviews_after_months') as reviews_after_months,
        max(value) filter (where parameter = 'parents_told_school_days') as parents_told_school_days,
        max(value) filter (where parameter = 'spell_reviews') as spell_reviews,
        max(value) filter (where parameter = 'spell_days') as spell_days,
        max(value) filter (where parameter = 'specialist_lag_school_days') as specialist_lag_school_days,
        max(value) filter (where parameter = 'referral_months') as referral_months,
        max(value) filter (where parameter = 'admission_school_days') as admission_school_days,
        max(value) filter (where parameter = 'senco_award_years') as senco_award_years
    from in_force
    group by term
)

select * from by_name
