-- One row: a row of the sheet `placements`.
with placements as (
    select * from raw.placements
    where return_id in (select return_id from checked_returns)
)

select
    *,
    case
        when upn is not null and named_date is not null
            then count(*) over (partition by return_id, upn, named_date)
    end as rows_of_key
from placements
order by return_id, row_number
