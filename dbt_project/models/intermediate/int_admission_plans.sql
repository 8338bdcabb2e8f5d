with ehc_plans as (select * from {{ ref('stg_ehc_plans') }}),

schools as (select * from {{ ref('int_schools_of_la') }}),

terms as (select * from {{ ref('int_terms_to_build') }}),

-- a plan that names a school of another LA has no return that could answer for it
named_here as (
    select ehc_plans.*
    from ehc_plans
    inner join schools on ehc_plans.urn = schools.urn
    qualify row_number() over (
            partition by ehc_plans.urn, ehc_plans.pupil_key, ehc_plans.named_date
            order by ehc_plans.ceased_date desc nulls first, ehc_plans.expected_start_date desc nulls last
        ) = 1
),

plans_of_terms as (
    select
        terms.term,
        named_here.urn,
        named_here.pupil_key,
        named_here.named_date,
        coalesce(named_here.phase_transfer, false) as phase_transfer,
        named_here.expected_start_date,
        coalesce(named_here.ceased_date <= terms.as_at_date, false) as has_ceased
    from named_here
    inner join terms on named_here.named_date <= terms.as_at_date
)

select * from plans_of_terms
