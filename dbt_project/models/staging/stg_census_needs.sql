with census_needs as (select * from {{ source('reference', 'census_needs') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    coalesce(lines.line_urn, census_needs.urn) as urn,
    census_needs.census_term,
    census_needs.sen_type,
    census_needs.rank
from census_needs
left join lines on census_needs.urn = lines.urn
left join pupil_keys on census_needs.upn = pupil_keys.identifier
