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
),

namings as (
    select
        term,
        urn,
        upn,
        count(*) as namings
    from la_plans
    group by all
)

select
    received.*,
    -- a key with a blank in it is nobody's: it finds none
    keys.rows_of_key,
    -- a temporary UPN is unknown to the LA
    case
        when
            received.upn similar to '[A-Z][0-9]{12}|[0-9]{10}'
            and received.named_date is not null
            and received.surplus is null
            then coalesce(namings.namings, 0)
    end as la_namings
from raw.placements as received
inner join checked_returns as returns on received.return_id = returns.return_id
left join keys
    on
        received.return_id = keys.return_id
        and received.upn = keys.upn
        and received.named_date = keys.named_date
left join namings
    on returns.term = namings.term and returns.line_urn = namings.urn and received.upn = namings.upn
