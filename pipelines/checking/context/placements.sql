-- One row: a row of the sheet `placements`.
with keys as (
    select
        return_id,
        upn,
        named_date,
        count(*) as rows_of_key
    from raw.placements
    where return_id in (select return_id from checked_returns)
    group by all
)

select
    received.*,
    -- a key with a blank in it is nobody's: it finds none
    keys.rows_of_key
from raw.placements as received
inner join checked_returns as returns on received.return_id = returns.return_id
left join keys
    on
        received.return_id = keys.return_id
        and received.upn = keys.upn
        and received.named_date = keys.named_date
