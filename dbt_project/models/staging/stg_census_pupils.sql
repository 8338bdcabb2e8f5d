with census_pupils as (select * from {{ source('reference', 'census_pupils') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    coalesce(lines.line_urn, census_pupils.urn) as urn,
    census_pupils.census_term,
    census_pupils.census_day,
    census_pupils.year_group,
    census_pupils.sex,
    census_pupils.sen_provision,
    census_pupils.enrolment
from census_pupils
left join lines on census_pupils.urn = lines.urn
left join pupil_keys on census_pupils.upn = pupil_keys.identifier
