{% set parameters = [
    'review_tolerance_school_days', 'reviews_a_year', 'reviews_after_months', 'copy_school_days',
    'parents_told_school_days', 'young_person_from_year', 'assessed_days', 'spell_reviews', 'spell_days',
    'specialist_lag_school_days', 'referral_months', 'admission_school_days', 'annual_review_months',
    'annual_review_after_months', 'consultation_days', 'review_decision_days', 'senco_award_years',
    'accessibility_plan_years', 'equality_objectives_years', 'transition_primary_year', 'transition_from_year',
    'transition_ehc_from_year'
] %}

with terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('stg_parameters') }}),

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
        {% for parameter in parameters %}
            max(value) filter (where parameter = '{{ parameter }}') as {{ parameter }},
        {% endfor %}
        term
    from in_force
    group by term
)

select * from by_name
