with calendar as (select * from {{ ref('stg_calendar') }}),

looked_back as (
    select
        term,
        row_number() over in_time as term_number,
        academic_year,
        term_name,
        starts_on,
        ends_on,
        as_at_date,
        deadline,
        lag(as_at_date, 1) over in_time as previous_as_at_date,
        lag(as_at_date, 2) over in_time as two_terms_before_as_at_date,
        lag(as_at_date, 3) over in_time as year_start_after,
        lag(term, 1) over in_time as previous_term,
        lag(term, 2) over in_time as two_terms_before
    from calendar
    window in_time as (order by starts_on asc nulls last)
),

-- an LA's own calendar may begin with its first returns: before it a term begins on its first day, a year by the date
numbered as (
    select
        term,
        term_number,
        academic_year,
        term_name,
        starts_on,
        ends_on,
        as_at_date,
        deadline,
        coalesce(previous_as_at_date, cast({{ dbt.dateadd('day', -1, 'starts_on') }} as date)) as previous_as_at_date,
        two_terms_before_as_at_date,
        coalesce(year_start_after, cast({{ dbt.dateadd('year', -1, 'as_at_date') }} as date)) as year_start_after,
        previous_term,
        two_terms_before
    from looked_back
)

select * from numbered
