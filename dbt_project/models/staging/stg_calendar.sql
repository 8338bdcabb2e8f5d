with calendar as (select * from {{ source('reference', 'calendar') }})

select
    term,
    left(term, 7) as academic_year,
    substr(term, 9) as term_name,
    starts_on,
    half_term_starts_on,
    half_term_ends_on,
    ends_on,
    census_day,
    as_at_date,
    window_opens_on,
    deadline,
    reminder_on,
    second_reminder_on,
    coalesce(closed_days, '') as closed_days
from calendar
