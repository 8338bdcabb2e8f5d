with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH14' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    reviewed_sen_policy_in_year as is_met
from arrangements
