with plans as (select * from {{ ref('stg_plans') }}),

speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

speaking as (
    -- of the years' returns that list the key, the newest speaks
    select
        speaking_pupils.term,
        plans.urn,
        plans.pupil_key,
        plans.planned_date,
        plans.review_due_date,
        plans.ended_date,
        plans.ended_date_unreadable,
        plans.parents_agreed,
        speaking_pupils.school_answered,
        speaking_pupils.listed_until
    from plans
    inner join speaking_pupils
        on
            plans.return_id = speaking_pupils.return_id
            and plans.pupil_key = speaking_pupils.pupil_key
    qualify
        row_number() over (
            partition by speaking_pupils.term, plans.urn, plans.pupil_key, plans.planned_date
            order by {{ newest_first('speaking_pupils.return_term_number', 'plans.row_number') }}
        ) = 1
)

select * from speaking
