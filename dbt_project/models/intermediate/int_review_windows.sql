with terms as (select * from {{ ref('int_terms_to_build') }}),

parameters as (select * from {{ ref('int_parameters') }}),

school_days as (select * from {{ ref('int_school_days') }}),

days as (
    -- the day itself may lie in a holiday: day 1 is the next school day, and counted back, the one before
    select
        parameters.term,
        parameters.review_tolerance_school_days,
        school_days.day,
        school_days.school_day_number as school_days_up_to,
        case
            when school_days.is_school_day then school_days.school_day_number - 1
            else school_days.school_day_number
        end as school_days_before
    from parameters
    inner join terms on parameters.term = terms.term
    inner join school_days on terms.as_at_date >= school_days.day
),

windows as (
    select
        days.term,
        days.day,
        first_day.day as window_opens_on,
        last_day.day as window_closes_on
    from days
    left join school_days as first_day
        on
            first_day.is_school_day
            and days.school_days_before + 1 - days.review_tolerance_school_days = first_day.school_day_number
    left join school_days as last_day
        on
            last_day.is_school_day
            and days.school_days_up_to + days.review_tolerance_school_days = last_day.school_day_number
)

select * from windows
