with accepted as ({{ accepted_rows('specialists') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    accepted.return_id,
    accepted.return_urn as urn,
    accepted.return_term as term,
    accepted.return_academic_year as academic_year,
    accepted.row_number,
    pupil_keys.pupil_key,
    accepted.service,
    accepted.referred_date,
    accepted.first_contact_date,
    accepted.first_contact_date__fault is not null as first_contact_date_unreadable,
    accepted.advice_date,
    accepted.advice_date__fault is not null as advice_date_unreadable,
    accepted.ended_date,
    accepted.ended_date__fault is not null as ended_date_unreadable,
    accepted.status
from accepted
left join pupil_keys on accepted.upn = pupil_keys.identifier
