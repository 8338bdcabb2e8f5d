with plans as (select * from {{ ref('stg_plans') }}),

speaking_in_term as (select * from {{ ref('int_speaking_in_term') }}),

made_in_term as (
    -- with everything that the return says of them, which int_plans does not carry through all the years
    select
        speaking_in_term.term,
        plans.urn,
        plans.pupil_key,
        concat(plans.pupil_key, '/', cast(plans.planned_date as varchar)) as plan_id,
        plans.planned_date,
        plans.assessed_date,
        plans.assessed_date_unreadable,
        plans.complete,
        plans.targets_measurable,
        plans.staff_trained,
        plans.teacher_responsible,
        plans.parents_agreed,
        plans.pupil_agreed
    from plans
    inner join speaking_in_term
        on
            plans.return_id = speaking_in_term.return_id
            and plans.pupil_key = speaking_in_term.pupil_key
            and plans.planned_date > speaking_in_term.previous_as_at_date
            and plans.planned_date <= speaking_in_term.as_at_date
    qualify row_number() over (
            partition by speaking_in_term.term, plans.urn, plans.pupil_key, plans.planned_date
            order by plans.row_number asc nulls last
        ) = 1
)

select * from made_in_term
