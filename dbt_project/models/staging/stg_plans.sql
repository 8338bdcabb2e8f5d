with accepted as ({{ accepted_rows('plans') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    accepted.return_id,
    accepted.return_urn as urn,
    accepted.return_term as term,
    accepted.return_academic_year as academic_year,
    accepted.row_number,
    pupil_keys.pupil_key,
    accepted.planned_date,
    accepted.assessed_date,
    accepted.assessed_date__fault is not null as assessed_date_unreadable,
    accepted.review_due_date,
    accepted.ended_date,
    accepted.ended_date__fault is not null as ended_date_unreadable,
    accepted.complete,
    accepted.targets_measurable,
    accepted.staff_trained,
    accepted.teacher_responsible,
    accepted.parents_agreed,
    accepted.pupil_agreed
from accepted
left join pupil_keys on accepted.upn = pupil_keys.identifier
