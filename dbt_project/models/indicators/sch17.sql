with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH17' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    reported_to_governors_in_year as is_met
from arrangements
