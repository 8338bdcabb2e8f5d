with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH15' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    head_oversees_send as is_met
from arrangements
