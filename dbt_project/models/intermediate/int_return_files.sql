with returns as (select * from {{ ref('stg_all_returns') }}),

terms as (select * from {{ ref('int_terms') }}),

in_order as (
    select
        returns.return_id,
        returns.urn,
        returns.term,
        returns.state,
        returns.received_at,
        cast(returns.received_at as date) <= terms.deadline as is_by_deadline,
        row_number() over (
            partition by returns.urn, returns.term
            -- of two pulled together the higher serial is the newer
            order by
                returns.received_at asc nulls first,
                returns.serial asc nulls first,
                returns.file_name asc nulls first,
                returns.return_id asc nulls last
        ) as position
    from returns
    inner join terms on returns.term = terms.term
),

placed as (
    select
        *,
        coalesce(
            max(position) filter (where state = 'current') over (partition by urn, term), 0
        ) as current_position,
        max(position) over (partition by urn, term) as last_position
    from in_order
),

stood as (
    select
        return_id,
        urn,
        term,
        state,
        received_at,
        is_by_deadline,
        position,
        state in ('held', 'rejected') and position > current_position as is_newer_than_current,
        -- whether what was found in it is still to be dealt with: a file that a later one replaced is not
        case state
            when 'current' then true
            when 'held' then position > current_position
            when 'rejected' then position = last_position
            else false
        end as still_stands
    from placed
)

select * from stood
