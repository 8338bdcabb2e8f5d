with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH13' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    trained_whole_school_in_year as is_met
from arrangements
