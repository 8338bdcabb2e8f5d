with calendar as (select * from {{ ref('stg_calendar') }}),

returns as (select * from {{ ref('stg_all_returns') }}),

numbered as (
    -- numbered over the whole calendar, so that windows reach back before the first return
    select
        term,
        row_number() over (order by starts_on asc nulls last) as term_number,
        academic_year,
        term_name,
        starts_on,
        ends_on,
        as_at_date,
        deadline,
        lag(as_at_date, 1) over (order by starts_on asc nulls last) as previous_as_at_date,
        lag(as_at_date, 2) over (order by starts_on asc nulls last) as two_terms_before_as_at_date,
        lag(as_at_date, 3) over (order by starts_on asc nulls last) as year_start_after,
        lag(term, 1) over (order by starts_on asc nulls last) as previous_term,
        lag(term, 2) over (order by starts_on asc nulls last) as two_terms_before
    from calendar
),

with_returns as (
    select
        min(numbered.term_number) as first_term_number,
        max(numbered.term_number) as last_term_number
    from returns
    inner join numbered on returns.term = numbered.term
),

terms as (
    select numbered.*
    from numbered
    inner join with_returns
        on numbered.term_number between with_returns.first_term_number and with_returns.last_term_number
)

select * from terms
