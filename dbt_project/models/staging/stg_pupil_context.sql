with pupil_context as (select * from {{ source('reference', 'pupil_context') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    pupil_context.looked_after,
    pupil_context.top_up_funding
from pupil_context
left join pupil_keys on pupil_context.upn = pupil_keys.identifier
