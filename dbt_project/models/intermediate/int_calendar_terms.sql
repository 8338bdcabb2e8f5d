with calendar as (select * from {{ ref('stg_calendar') }}),

numbered as (
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
)

select * from numbered
