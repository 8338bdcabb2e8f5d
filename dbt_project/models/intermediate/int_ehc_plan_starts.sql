with terms as (select * from {{ ref('int_terms_to_build') }}),

sen2_plans as (select * from {{ ref('stg_sen2_plans') }}),

ehc_plans as (select * from {{ ref('stg_ehc_plans') }}),

placements as (select * from {{ ref('int_admission_placements') }}),

la_file as (select count(*) > 0 as is_there from ehc_plans),

in_sen2 as (
    -- of a pupil who had two plans, one after the other, the one that began last
    select
        terms.term,
        sen2_plans.pupil_key,
        max(sen2_plans.plan_start_date) as plan_start_date
    from sen2_plans
    inner join terms on sen2_plans.plan_start_date <= terms.as_at_date
    group by terms.term, sen2_plans.pupil_key
),

namings as (
    select
        terms.term,
        ehc_plans.pupil_key,
        ehc_plans.named_date
    from ehc_plans
    inner join terms on ehc_plans.named_date <= terms.as_at_date
    union all
    -- where the LA's file is there, only its plans count
    select
        placements.term,
        placements.pupil_key,
        placements.named_date
    from placements
    inner join terms on placements.term = terms.term
    cross join la_file
    where
        placements.named_date <= terms.as_at_date
        and not la_file.is_there
),

first_named as (
    select
        term,
        pupil_key,
        min(named_date) as named_date
    from namings
    group by term, pupil_key
),

starts as (
    select
        coalesce(in_sen2.term, first_named.term) as term,
        coalesce(in_sen2.pupil_key, first_named.pupil_key) as pupil_key,
        coalesce(in_sen2.plan_start_date, first_named.named_date) as plan_start_date
    from in_sen2
    full outer join first_named
        on
            in_sen2.term = first_named.term
            and in_sen2.pupil_key = first_named.pupil_key
)

select * from starts
where pupil_key is not null
