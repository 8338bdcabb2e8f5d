with school_links as (select * from {{ source('reference', 'school_links') }})

select
    urn,
    link_urn,
    link_type,
    link_established_date
from school_links
