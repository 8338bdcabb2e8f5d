-- One row: a row of the sheet `plans`. A parent is looked for in the received rows, those not counted included.
with pupils as (
    select
        return_id,
        identifier,
        count(*) as pupils
    from received_pupils
    group by all
),

plans as (
    select * from raw.plans
    where return_id in (select return_id from checked_returns)
)

select
    plans.*,
    case when plans.upn is not null then coalesce(pupils.pupils, 0) end as pupils,
    case
        when plans.upn is not null and plans.planned_date is not null
            then count(*) over (partition by plans.return_id, plans.upn, plans.planned_date)
    end as rows_of_key
from plans
left join pupils on plans.return_id = pupils.return_id and plans.upn = pupils.identifier
order by plans.return_id, plans.row_number
