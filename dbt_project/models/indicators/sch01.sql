with arrangements as (select * from {{ ref('int_arrangements') }})

select
    'SCH01' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    has_information_report_url and updated_information_report_in_year as is_met
from arrangements
