-- One row: a file that is being checked (checked_files), and what its rules need from elsewhere.
with files as (select * from checked_files),

-- what the file says of itself, inside before its name
claims as (
    select
        file_id,
        inside_urn as claimed_urn,
        coalesce(inside_laestab, name_laestab) as claimed_laestab,
        -- a fault is all that can be said of a file that cannot be opened
        state = 'unplaced' and (fault is null or fault = 'no_return_table') as is_lost
    from files
),

claimed_schools as (
    select
        claims.file_id,
        count(*) as schools,
        count(*) filter (where schools.la_code in (select la_code from checked_terms)) as own_schools
    from claims
    inner join reference.schools as schools
        on
            claims.claimed_laestab = schools.laestab
            and (claims.claimed_urn is null or claims.claimed_urn = schools.urn)
    group by all
),

-- what is wrong with the sheet `return` itself is said of the sheet: what it lacks is then no version that is wrong
sheets_at_fault as (
    select return_id from raw.sheets
    where table_name = 'return' and found and (rows_received <> 1 or repeated)
    union
    select return_id from raw.columns
    where table_name = 'return' and field = 'specification' and not found
),

judged as (
    select
        claims.file_id,
        claims.is_lost,
        claims.claimed_urn is not null or claims.claimed_laestab is not null as names_school,
        coalesce(claimed_schools.schools, 0) > 0 as school_found,
        coalesce(claimed_schools.schools, 0) > 0 and claimed_schools.own_schools = 0 as school_elsewhere
    from claims
    left join claimed_schools on claims.file_id = claimed_schools.file_id
)

select
    files.file_id,
    files.state,
    -- of a file that is held: the sheet that lost its rows; of the same bytes twice the fault is said of the first
    coalesce(
        case when files.fault <> 'no_return_table' and files.state <> 'duplicate' then files.fault end, files.rows_lost
    ) as fault,
    files.duplicate_of,
    case when judged.is_lost and judged.names_school then judged.school_found end as school_found,
    judged.is_lost and judged.names_school and judged.school_elsewhere as school_elsewhere,
    case
        when judged.is_lost
            then judged.names_school and (not judged.school_found or judged.school_elsewhere)
    end as placed,
    case
        when
            files.state <> 'duplicate'
            and files.urn is not null
            and (files.fault is null or files.fault = 'no_return_table')
            then
                schools.status_code = '2'
                and coalesce(schools.close_date, date '1900-01-01') <= files.as_at_date
    end as school_closed,
    case
        when
            files.urn is not null
            and files.fault is null
            and files.state <> 'duplicate'
            and files.file_id not in (select return_id from sheets_at_fault)
            then coalesce(
                    exists (
                        select 1 from accepted_specifications as accepted
                        where
                            accepted.academic_year = files.academic_year
                            and accepted.version = files.specification
                    ),
                    false
                )
    end as specification_accepted,
    files.fault is null
    and files.state <> 'duplicate'
    and files.urn is not null
    and (
        (files.inside_laestab is not null and files.name_laestab <> files.inside_laestab)
        or (files.inside_term is not null and files.name_term <> files.inside_term)
    ) as name_contradicts,
    files.rows_lost
from files
inner join judged on files.file_id = judged.file_id
left join reference.schools as schools on files.urn = schools.urn
order by files.file_id
