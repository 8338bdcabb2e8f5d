with plans as (select * from {{ ref('stg_plans') }}),

speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

pupils as (select * from {{ ref('int_pupils') }}),

speaking as (
    -- of the years' returns that list the key, the newest speaks
    select
        speaking_pupils.term,
        plans.urn,
        plans.pupil_key,
        speaking_pupils.school_answered,
        plans.planned_date,
        plans.assessed_date,
        plans.review_due_date,
        plans.ended_date,
        plans.ended_date_unreadable,
        plans.complete,
        plans.targets_measurable,
        plans.staff_trained,
        plans.teacher_responsible,
        plans.parents_agreed,
        plans.pupil_agreed
    from plans
    inner join speaking_pupils
        on
            plans.return_id = speaking_pupils.return_id
            and plans.pupil_key = speaking_pupils.pupil_key
    qualify
        row_number() over (
            partition by speaking_pupils.term, plans.urn, plans.pupil_key, plans.planned_date
            order by plans.academic_year desc nulls last, plans.row_number asc nulls last
        ) = 1
),

with_leaving as (
    select
        speaking.*,
        concat(speaking.pupil_key, '/', cast(speaking.planned_date as varchar)) as plan_id,
        pupils.leaving_date,
        pupils.leaving_date_unreadable
    from speaking
    inner join pupils
        on
            speaking.term = pupils.term
            and speaking.urn = pupils.urn
            and speaking.pupil_key = pupils.pupil_key
)

select * from with_leaving
