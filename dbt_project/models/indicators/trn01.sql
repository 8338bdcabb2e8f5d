with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

pupil_dates as (select * from {{ ref('int_pupil_dates') }}),

years as (
    -- M, X and the years before Year 1 have no number
    select
        *,
        try_cast(year_group as integer) as year_number
    from register
),

moving as (
    select
        years.*,
        years.next_setting_urn is not null
        or coalesce(
            years.year_number = parameters.transition_primary_year
            or years.year_number >= parameters.transition_from_year
            or (years.year_number >= parameters.transition_ehc_from_year and years.sen_provision = 'E'),
            false
        ) as is_moving,
        -- what decides it is not known
        years.year_group is null
        or years.next_setting_urn_unreadable
        or coalesce(years.year_number >= parameters.transition_ehc_from_year and years.sen_provision is null, false)
            as may_be_moving
    from years
    inner join parameters on years.term = parameters.term
),

units as (
    select
        moving.term,
        moving.urn,
        moving.pupil_key,
        case
            when moving.is_on_register is null or not moving.is_moving then null
            when
                pupil_dates.transition_plan_date > terms.year_start_after
                and pupil_dates.transition_plan_date <= terms.as_at_date then true
            when pupil_dates.transition_plan_date_unreadable then null
            else false
        end as is_met
    from moving
    inner join terms on moving.term = terms.term
    inner join pupil_dates
        on
            moving.term = pupil_dates.term
            and moving.pupil_key = pupil_dates.pupil_key
    where moving.is_moving or moving.may_be_moving
)

select
    'TRN01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
