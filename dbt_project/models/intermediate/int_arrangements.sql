{# what is blank was not done, what could not be read is not known, and no row at all is no answer #}
{% set urls = {
    'has_information_report_url': 'sen_information_report_url',
    'has_disabled_admissions_url': 'disabled_admissions_url'
} %}
{% set dates_in_year = {
    'updated_information_report_in_year': 'sen_information_report_date',
    'reviewed_responsibilities_in_year': 'senco_responsibilities_reviewed_date',
    'reviewed_sen_policy_in_year': 'sen_policy_reviewed_date',
    'reviewed_medical_policy_in_year': 'medical_conditions_policy_date',
    'updated_local_offer_in_year': 'local_offer_updated_date',
    'trained_whole_school_in_year': 'whole_school_sen_training_date',
    'reported_to_governors_in_year': 'governor_sen_report_date'
} %}
{% set dates_within_years = {
    'senco_appointed_in_award_period': ('senco_first_appointed_date', 'senco_award_years'),
    'made_accessibility_plan_in_period': ('accessibility_plan_date', 'accessibility_plan_years'),
    'set_equality_objectives_in_period': ('equality_objectives_date', 'equality_objectives_years')
} %}

with arrangements as (select * from {{ ref('stg_arrangements') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

school_terms as (select * from {{ ref('int_school_terms') }}),

of_terms as (
    select
        arrangements.*,
        terms.term_number as sent_in_term_number
    from arrangements
    inner join terms on arrangements.term = terms.term
),

-- the newest row up to the term, of any year: a school sends one in autumn and then only what changed
newest as (
    select
        school_terms.term as serves_term,
        school_terms.urn as serves_urn,
        terms.as_at_date,
        terms.year_start_after,
        {% for years in ['senco_award_years', 'accessibility_plan_years', 'equality_objectives_years'] %}
            cast({{ dbt.dateadd('year', '-parameters.' ~ years, 'terms.as_at_date') }} as date) as {{ years }}_ago,
        {% endfor %}
        of_terms.*
    from school_terms
    inner join terms on school_terms.term = terms.term
    inner join parameters on school_terms.term = parameters.term
    left join of_terms
        on
            school_terms.urn = of_terms.urn
            and terms.term_number >= of_terms.sent_in_term_number
    where school_terms.has_return
    qualify row_number() over (
            partition by school_terms.term, school_terms.urn
            order by of_terms.sent_in_term_number desc nulls last, of_terms.row_number asc nulls last
        ) = 1
),

answered as (
    select
        serves_term as term,
        serves_urn as urn,
        term as sent_in_term,
        {% for name, url in urls.items() %}
            case when return_id is not null and not {{ url }}_unreadable then {{ url }} is not null end as {{ name }},
        {% endfor %}
        {% for name, date in dates_in_year.items() %}
            case
                when return_id is not null and not {{ date }}_unreadable
                    then coalesce({{ date }} > year_start_after and {{ date }} <= as_at_date, false)
            end as {{ name }},
        {% endfor %}
        {% for name, (date, years) in dates_within_years.items() %}
            case
                when return_id is not null and not {{ date }}_unreadable
                    then coalesce({{ date }} >= {{ years }}_ago and {{ date }} <= as_at_date, false)
            end as {{ name }},
        {% endfor %}
        senco_in_post,
        senco_qualified_teacher,
        senco_award,
        senco_leadership,
        head_oversees_send,
        governor_oversight,
        post16_named_person as has_post16_named_person,
        pupils_needing_healthcare_plan,
        healthcare_plans_reviewed,
        sen_expenditure
    from newest
)

select * from answered
