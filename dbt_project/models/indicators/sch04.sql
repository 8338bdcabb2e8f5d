with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH04' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    senco_leadership in ('MEMBER', 'DIRECT_LINK') as is_met
from arrangements
