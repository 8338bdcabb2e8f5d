with sen2_needs as (select * from {{ source('reference', 'sen2_needs') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    sen2_needs.sen_type,
    sen2_needs.rank
from sen2_needs
left join pupil_keys on sen2_needs.upn = pupil_keys.identifier
