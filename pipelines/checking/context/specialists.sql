-- One row: a row of the sheet `specialists`. A parent is looked for in the received rows, those not counted included.
with pupils as (
    select
        return_id,
        identifier,
        count(*) as pupils
    from received_pupils
    group by all
),

specialists as (
    select * from raw.specialists
    where return_id in (select return_id from checked_returns)
)

select
    specialists.*,
    case when specialists.upn is not null then coalesce(pupils.pupils, 0) end as pupils,
    case
        when
            specialists.upn is not null
            and specialists.service is not null
            and specialists.referred_date is not null
            then count(*) over (
                    partition by
                        specialists.return_id, specialists.upn, specialists.service, specialists.referred_date
                )
    end as rows_of_key
from specialists
left join pupils on specialists.return_id = pupils.return_id and specialists.upn = pupils.identifier
order by specialists.return_id, specialists.row_number
