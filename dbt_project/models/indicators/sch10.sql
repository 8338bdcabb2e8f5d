with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH10' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    updated_local_offer_in_year as is_met
from arrangements
