with schools as (select * from {{ source('reference', 'schools') }})

select
    urn,
    la_code,
    la_name,
    establishment_number,
    laestab,
    name,
    type_code,
    type,
    type_group_code,
    type_group,
    status_code,
    status,
    open_date,
    close_date,
    phase_code,
    phase,
    low_age,
    high_age,
    number_of_pupils,
    trust_code,
    trust,
    federation_code,
    federation,
    section_41
from schools
