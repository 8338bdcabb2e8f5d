with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH07' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    has_disabled_admissions_url as is_met
from arrangements
