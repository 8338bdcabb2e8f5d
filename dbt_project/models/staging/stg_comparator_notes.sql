with comparator_notes as (select * from {{ source('reference', 'comparator_notes') }})

select
    release,
    measure,
    symbol,
    note
from comparator_notes
