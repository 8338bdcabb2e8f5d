with namings as (select * from {{ ref('int_admission_namings') }}),

school_days as (select * from {{ ref('int_school_days') }}),

calendar as (select * from {{ ref('stg_calendar') }}),

parameters as (select * from {{ ref('int_parameters') }}),

calendar_span as (select min(day) as first_day from school_days),

first_days_of_years as (
    select
        calendar.academic_year,
        min(school_days.day) as first_school_day
    from calendar
    inner join school_days on school_days.day between calendar.starts_on and calendar.ends_on
    where
        calendar.term_name = 'autumn'
        and school_days.is_school_day
    group by calendar.academic_year
),

naming_dates as (
    select distinct
        namings.term,
        namings.named_date,
        parameters.admission_school_days
    from namings
    inner join parameters on namings.term = parameters.term
),

-- a naming before the calendar begins is counted from its first day: no day is made up that it does not hold
numbered as (
    select
        naming_dates.*,
        coalesce(school_days.school_day_number, 0) as school_day_number
    from naming_dates
    cross join calendar_span
    left join school_days on naming_dates.named_date = school_days.day
    where
        naming_dates.named_date < calendar_span.first_day
        or school_days.day is not null
),

with_next_year as (
    select
        numbered.term,
        numbered.named_date,
        numbered.school_day_number + numbered.admission_school_days as due_number,
        min(first_days_of_years.first_school_day) as next_year_starts_on
    from numbered
    left join first_days_of_years on numbered.named_date < first_days_of_years.first_school_day
    group by all
),

due_dates as (
    select
        with_next_year.term,
        with_next_year.named_date,
        with_next_year.next_year_starts_on,
        school_days.day as school_days_end_on
    from with_next_year
    left join school_days
        on
            with_next_year.due_number = school_days.school_day_number
            and school_days.is_school_day
)

select * from due_dates
