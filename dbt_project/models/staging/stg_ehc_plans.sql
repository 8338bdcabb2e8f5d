with ehc_plans as (select * from {{ source('reference', 'ehc_plans') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    ehc_plans.urn,
    ehc_plans.named_date,
    ehc_plans.phase_transfer,
    ehc_plans.expected_start_date,
    ehc_plans.ceased_date
from ehc_plans
left join pupil_keys on ehc_plans.upn = pupil_keys.identifier
