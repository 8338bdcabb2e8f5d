with sen2_plans as (select * from {{ source('reference', 'sen2_plans') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    sen2_plans.plan_start_date,
    sen2_plans.cease_date,
    sen2_plans.cease_reason,
    sen2_plans.reference_date
from sen2_plans
left join pupil_keys on sen2_plans.upn = pupil_keys.identifier
