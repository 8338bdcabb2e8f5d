with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH12' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    has_post16_named_person as is_met
from arrangements
