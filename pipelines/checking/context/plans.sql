-- One row: a row of the sheet `plans`. A parent is looked for in the received rows, those not counted included.
with pupils as (
    select
        return_id,
        identifier,
        count(*) as pupils
    from received_pupils
    group by all
),

keys as (
    select
        return_id,
        upn,
        planned_date,
        count(*) as rows_of_key
    from raw.plans
    where return_id in (select return_id from checked_returns)
    group by all
)

select
    received.*,
    case when received.upn is not null then coalesce(pupils.pupils, 0) end as pupils,
    -- a key with a blank in it is nobody's: it finds none
    keys.rows_of_key
from raw.plans as received
inner join checked_returns as returns on received.return_id = returns.return_id
left join pupils on received.return_id = pupils.return_id and received.upn = pupils.identifier
left join keys
    on
        received.return_id = keys.return_id
        and received.upn = keys.upn
        and received.planned_date = keys.planned_date
