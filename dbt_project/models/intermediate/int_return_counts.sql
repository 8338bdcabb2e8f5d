with received_rows as (select * from {{ ref('stg_received_rows') }}),

quarantined_rows as (select * from {{ ref('stg_quarantined_rows') }}),

issues as (select * from {{ ref('int_issues') }}),

return_files as (select * from {{ ref('int_return_files') }}),

rows_of_returns as (
    select
        return_id,
        sum(rows_received)::bigint as rows_received
    from received_rows
    group by return_id
),

-- a row that breaks several rules is one row
quarantined_once as (
    select distinct
        return_id,
        table_name,
        row_number
    from quarantined_rows
),

quarantined_of_returns as (
    select
        return_id,
        count(*) as rows_quarantined
    from quarantined_once
    group by return_id
),

issues_of_returns as (
    select
        return_id,
        count(*) filter (where severity = 'error') as errors,
        count(*) filter (where severity = 'query' and state = 'open') as queries,
        count(*) filter (where severity = 'query' and state = 'explained') as explained
    from issues
    group by return_id
),

counted as (
    select
        return_files.return_id,
        coalesce(rows_of_returns.rows_received, 0) as rows_received,
        coalesce(quarantined_of_returns.rows_quarantined, 0) as rows_quarantined,
        coalesce(issues_of_returns.errors, 0) as errors,
        coalesce(issues_of_returns.queries, 0) as queries,
        coalesce(issues_of_returns.explained, 0) as explained
    from return_files
    left join rows_of_returns on return_files.return_id = rows_of_returns.return_id
    left join quarantined_of_returns on return_files.return_id = quarantined_of_returns.return_id
    left join issues_of_returns on return_files.return_id = issues_of_returns.return_id
)

select * from counted
