with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH16' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    senco_qualified_teacher as is_met
from arrangements
