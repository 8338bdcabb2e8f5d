with plan_schools as (select * from {{ source('reference', 'sen2_plan_schools') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    coalesce(lines.line_urn, plan_schools.urn) as urn,
    plan_schools.plan_start_date
from plan_schools
left join lines on plan_schools.urn = lines.urn
left join pupil_keys on plan_schools.upn = pupil_keys.identifier
