-- One row: a column that was found or missed, each field once a sheet; nothing of a sheet that was not read as one.
with files as (select * from checked_files where not rejected),

readable as (
    select
        return_id,
        table_name
    from raw.sheets
    where return_id in (select file_id from files) and known
    group by all
    having bool_or(found) and bool_and(coalesce(header_found, false)) and not bool_or(coalesce(repeated, false))
),

received as (
    select received.*
    from raw.columns as received
    inner join readable on received.return_id = readable.return_id and received.table_name = readable.table_name
),

fields as (
    select
        return_id,
        table_name,
        field,
        bool_or(found) as found,
        bool_or(required) as required,
        bool_or(repeated) as repeated,
        bool_and(coalesce(agrees, true)) as agrees
    from received
    where known
    group by all
),

every_column as (
    select
        return_id,
        table_name,
        field,
        case when required and not found then field end as missing_column,
        null::varchar as unknown_column,
        case when repeated and agrees then field end as repeated_alike,
        case when repeated and not agrees then field end as repeated_unlike
    from fields
    union all
    select distinct
        return_id,
        table_name,
        column_name,
        null,
        column_name,
        null,
        null
    from received
    where not known
)

select *
from every_column
order by return_id, table_name, field
