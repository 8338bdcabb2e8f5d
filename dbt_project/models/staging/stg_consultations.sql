with accepted as ({{ accepted_rows('consultations') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    accepted.return_id,
    accepted.return_urn as urn,
    accepted.return_term as term,
    accepted.return_academic_year as academic_year,
    accepted.row_number,
    pupil_keys.pupil_key,
    accepted.consulted_date,
    accepted.responded_date,
    accepted.responded_date__fault is not null as responded_date_unreadable
from accepted
left join pupil_keys on accepted.upn = pupil_keys.identifier
