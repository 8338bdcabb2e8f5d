with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH02' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    senco_in_post as is_met
from arrangements
