with returns as (select * from {{ ref('stg_all_returns') }}),

inside as (select * from {{ source('raw', 'return') }}),

current_returns as (
    select
        returns.return_id,
        returns.urn,
        returns.laestab,
        returns.term,
        returns.academic_year,
        returns.file_name,
        returns.received_at,
        returns.specification,
        inside.authorised_by_role,
        coalesce(inside.nil_return, false) as nil_return
    from returns
    left join inside on returns.return_id = inside.return_id
    where returns.state = 'current'
    -- a second `return` row rejects a file; this is so that a slip elsewhere cannot double a school
    qualify row_number() over (partition by returns.return_id order by inside.row_number asc nulls last) = 1
)

select * from current_returns
