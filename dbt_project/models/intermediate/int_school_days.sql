with calendar as (select * from {{ ref('stg_calendar') }}),

digits as (
    select 0 as digit
    union all
    select 1 as digit
    union all
    select 2 as digit
    union all
    select 3 as digit
    union all
    select 4 as digit
    union all
    select 5 as digit
    union all
    select 6 as digit
    union all
    select 7 as digit
    union all
    select 8 as digit
    union all
    select 9 as digit
),

span as (
    select
        min(starts_on) as first_day,
        max(ends_on) as last_day
    from calendar
),

numbers as (
    select thousands.digit * 1000 + hundreds.digit * 100 + tens.digit * 10 + ones.digit as days
    from digits as thousands
    cross join digits as hundreds
    cross join digits as tens
    cross join digits as ones
),

days as (
    select cast({{ dbt.dateadd('day', 'numbers.days', 'span.first_day') }} as date) as day
    from span
    inner join numbers on numbers.days <= {{ dbt.datediff('span.first_day', 'span.last_day', 'day') }}
),

marked as (
    select
        days.day,
        -- 1 January 1900 was a Monday
        calendar.term is not null
        and mod({{ dbt.datediff("date '1900-01-01'", 'days.day', 'day') }}, 7) < 5
        and days.day not between calendar.half_term_starts_on and calendar.half_term_ends_on
        and calendar.closed_days not like concat('%', cast(days.day as varchar), '%') as is_school_day
    from days
    left join calendar on days.day between calendar.starts_on and calendar.ends_on
),

numbered as (
    select
        day,
        is_school_day,
        count_if(is_school_day) over (order by day asc nulls last rows between unbounded preceding and current row)
            as school_day_number
    from marked
)

select * from numbered
