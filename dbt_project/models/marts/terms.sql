with terms as (select * from {{ ref('int_terms') }})

select
    term,
    term_number,
    academic_year,
    term_name,
    starts_on,
    ends_on,
    as_at_date,
    deadline,
    is_closed
from terms
