with accepted as ({{ accepted_rows('reviews') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    accepted.return_id,
    accepted.return_urn as urn,
    accepted.return_term as term,
    accepted.return_academic_year as academic_year,
    accepted.row_number,
    pupil_keys.pupil_key,
    accepted.planned_date,
    accepted.review_date,
    accepted.led_by,
    accepted.parents_part,
    accepted.pupil_part,
    accepted.with_parents_evening,
    accepted.copy_to_parents_date,
    accepted.copy_to_parents_date__fault is not null as copy_to_parents_date_unreadable,
    accepted.progress,
    accepted.support_delivered,
    accepted.next_step
from accepted
left join pupil_keys on accepted.upn = pupil_keys.identifier
