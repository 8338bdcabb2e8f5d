with accepted as ({{ accepted_rows('placements') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    accepted.return_id,
    accepted.return_urn as urn,
    accepted.return_term as term,
    accepted.return_academic_year as academic_year,
    accepted.row_number,
    pupil_keys.pupil_key,
    accepted.named_date,
    accepted.expected_start_date,
    accepted.expected_start_date__fault is not null as expected_start_date_unreadable,
    accepted.admitted_date,
    accepted.admitted_date__fault is not null as admitted_date_unreadable,
    accepted.not_admitted_reason,
    accepted.not_admitted_reason__fault is not null as not_admitted_reason_unreadable
from accepted
left join pupil_keys on accepted.upn = pupil_keys.identifier
