with accepted as ({{ accepted_rows('pupils') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    accepted.return_id,
    accepted.return_urn as urn,
    accepted.return_term as term,
    accepted.return_academic_year as academic_year,
    accepted.row_number,
    pupil_keys.pupil_key,
    accepted.year_group,
    accepted.sex,
    accepted.enrolment,
    accepted.sen_provision,
    accepted.sen_start_date,
    accepted.primary_need,
    accepted.secondary_need,
    accepted.below_peers,
    accepted.parents_informed_date,
    accepted.parents_informed_date__fault is not null as parents_informed_date_unreadable,
    accepted.young_person_informed_date,
    accepted.young_person_informed_date__fault is not null as young_person_informed_date_unreadable,
    accepted.entry_date,
    accepted.leaving_date,
    accepted.leaving_date__fault is not null as leaving_date_unreadable,
    accepted.annual_review_meeting_date,
    accepted.annual_review_meeting_date__fault is not null as annual_review_meeting_date_unreadable,
    accepted.transition_plan_date,
    accepted.transition_plan_date__fault is not null as transition_plan_date_unreadable,
    accepted.next_setting_urn,
    accepted.next_setting_urn__fault is not null as next_setting_urn_unreadable,
    accepted.designated_teacher_liaison_date,
    accepted.designated_teacher_liaison_date__fault is not null as designated_teacher_liaison_date_unreadable
from accepted
left join pupil_keys on coalesce(accepted.upn, accepted.uln) = pupil_keys.identifier
