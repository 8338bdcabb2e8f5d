with notes as (select * from {{ ref('int_comparator_notes') }})

select
    release,
    measure,
    symbol,
    note
from notes
