-- One row: a sheet that was found or missed, each table of the return once a file.
with files as (select * from checked_files where not rejected),

sheets as (select * from raw.sheets where return_id in (select file_id from files)),

-- a file without a `return` table may not have been read further than that
nothing_read as (
    select
        file_id as return_id,
        'return' as table_name
    from files
    where fault = 'no_return_table' and file_id not in (select return_id from sheets)
),

tables as (
    select
        return_id,
        table_name,
        string_agg(sheet_name, ', ' order by sheet_name) as sheet_name,
        bool_or(found) as found,
        bool_or(required) as required,
        bool_or(repeated) as repeated,
        bool_and(header_found) as header_found,
        sum(rows_received) as rows_received
    from sheets
    where known
    group by all
    union all
    select
        return_id,
        table_name,
        null,
        false,
        true,
        false,
        null,
        0
    from nothing_read
),

unknown as (
    select distinct
        return_id,
        sheet_name
    from sheets
    where not known and not hidden
),

every_sheet as (
    select
        *,
        found and header_found and not coalesce(repeated, false) as is_readable
    from tables
    union all
    select
        return_id,
        null,
        sheet_name,
        true,
        false,
        false,
        null,
        0,
        false
    from unknown
)

select
    every_sheet.return_id,
    every_sheet.table_name,
    every_sheet.sheet_name,
    case when every_sheet.required and not every_sheet.found then every_sheet.table_name end as missing_sheet,
    case when every_sheet.table_name is null then every_sheet.sheet_name end as unknown_sheet,
    every_sheet.header_found,
    every_sheet.repeated,
    case
        when every_sheet.is_readable and every_sheet.table_name = 'return' then every_sheet.rows_received::bigint
    end as return_rows,
    case
        when every_sheet.is_readable and every_sheet.table_name = 'arrangements'
            then every_sheet.rows_received::bigint
    end as arrangements_rows,
    case
        when every_sheet.is_readable and every_sheet.table_name = 'arrangements' and files.term like '%-autumn'
            then every_sheet.rows_received::bigint
    end as arrangements_rows_due
from every_sheet
inner join files on every_sheet.return_id = files.file_id
order by every_sheet.return_id, every_sheet.table_name, every_sheet.sheet_name
