with schools as (select * from {{ ref('int_schools_of_la') }})

select
    urn,
    laestab,
    name,
    phase,
    type,
    type_group,
    trust_code,
    trust,
    federation,
    case when is_open then 'open' else 'closed' end as status
from schools
