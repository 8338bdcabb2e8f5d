with return_files as (select * from {{ ref('int_return_files') }}),

duties as (select * from {{ ref('int_school_duties') }}),

counts as (select * from {{ ref('int_return_counts') }}),

files_of_schools as (
    select
        term,
        urn,
        coalesce(bool_or(state in ('current', 'superseded', 'held') and is_by_deadline), false) as on_time,
        count(*) filter (where is_newer_than_current) as newer_files
    from return_files
    group by all
),

-- the current file speaks; without one, the newest that was turned away
speaking_files as (
    select *
    from return_files
    where state in ('current', 'rejected', 'held')
    qualify row_number() over (
            partition by term, urn order by case when state = 'current' then 0 else 1 end asc, position desc
        ) = 1
),

schools_due as (
    select
        term,
        urn,
        true as is_due
    from duties
    where indicator_id = 'SCH11'
),

schools as (
    select
        coalesce(schools_due.term, files_of_schools.term) as term,
        coalesce(schools_due.urn, files_of_schools.urn) as urn,
        coalesce(schools_due.is_due, false) as is_due,
        coalesce(files_of_schools.on_time, false) as on_time,
        coalesce(files_of_schools.newer_files, 0) as newer_files
    from schools_due
    full outer join files_of_schools
        on
            schools_due.term = files_of_schools.term
            and schools_due.urn = files_of_schools.urn
),

counted as (
    select
        schools.*,
        speaking_files.return_id,
        speaking_files.received_at,
        coalesce(speaking_files.state = 'current', false) as has_current,
        counts.rows_received,
        counts.rows_quarantined,
        -- a newer file that is held or rejected adds an error to what the current one has
        coalesce(counts.errors, 0)
        + case when speaking_files.state = 'current' then schools.newer_files else 0 end as errors,
        coalesce(counts.queries, 0) as queries,
        coalesce(counts.explained, 0) as explained
    from schools
    left join speaking_files
        on
            schools.term = speaking_files.term
            and schools.urn = speaking_files.urn
    left join counts on speaking_files.return_id = counts.return_id
),

school_returns as (
    select
        term,
        urn,
        is_due,
        case
            when return_id is null then 'missing'
            when not has_current then 'rejected'
            when errors > 0 then 'accepted_with_errors'
            when queries > 0 then 'queried'
            else 'accepted'
        end as status,
        return_id,
        received_at,
        on_time,
        -- nothing is taken from a file that was turned away
        case when has_current then rows_received else 0 end as rows_received,
        case when has_current then rows_received - rows_quarantined else 0 end as rows_accepted,
        case when has_current then rows_quarantined else 0 end as rows_quarantined,
        errors,
        queries,
        explained
    from counted
)

select * from school_returns
