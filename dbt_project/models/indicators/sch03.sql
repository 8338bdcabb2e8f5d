with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH03' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    case
        when senco_award in ('NASENCO', 'NPQSENCO', 'EXEMPT') then true
        when senco_award = 'WORKING_TOWARDS' then senco_appointed_in_award_period
        when senco_award = 'NONE' then false
    end as is_met
from arrangements
