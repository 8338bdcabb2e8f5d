with returns as (select * from {{ source('ledger', 'returns') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

of_lines as (
    select
        returns.return_id,
        coalesce(lines.line_urn, returns.urn) as urn,
        returns.laestab,
        returns.term,
        returns.academic_year,
        returns.file_name,
        returns.serial,
        returns.received_at,
        returns.specification,
        returns.state
    from returns
    left join lines on returns.urn = lines.urn
),

in_order as (
    select
        *,
        row_number() over (
            partition by urn, term, state
            order by
                received_at desc nulls last,
                serial desc nulls last,
                file_name desc nulls last,
                return_id asc nulls last
        ) as recency
    from of_lines
)

select
    return_id,
    urn,
    laestab,
    term,
    academic_year,
    file_name,
    serial,
    received_at,
    specification,
    -- a school that sent a term's return under both its URNs sent it twice: the newest stands
    case when state = 'current' and recency > 1 then 'superseded' else state end as state
from in_order
