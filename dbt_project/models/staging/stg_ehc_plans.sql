with ehc_plans as (select * from {{ source('reference', 'ehc_plans') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    coalesce(lines.line_urn, ehc_plans.urn) as urn,
    ehc_plans.named_date,
    ehc_plans.phase_transfer,
    ehc_plans.expected_start_date,
    ehc_plans.ceased_date
from ehc_plans
left join pupil_keys on ehc_plans.upn = pupil_keys.identifier
left join lines on ehc_plans.urn = lines.urn
