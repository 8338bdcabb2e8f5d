with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH09' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    reviewed_medical_policy_in_year as is_met
from arrangements
