with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH06' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    governor_oversight in ('MEMBER', 'SUB_COMMITTEE') as is_met
from arrangements
