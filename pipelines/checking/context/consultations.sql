-- One row: a row of the sheet `consultations`.
with consultations as (
    select * from raw.consultations
    where return_id in (select return_id from checked_returns)
)

select
    *,
    case
        when upn is not null and consulted_date is not null
            then count(*) over (partition by return_id, upn, consulted_date)
    end as rows_of_key
from consultations
order by return_id, row_number
