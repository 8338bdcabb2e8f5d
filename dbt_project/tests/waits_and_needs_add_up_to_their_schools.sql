-- a referral of a school is in its areas' waits, once, under its service and under all; and a pupil in their profile of needs
with waiting_times as ({{ built_now('waiting_times') }}),

needs_profile as ({{ built_now('needs_profile') }}),

school_values as ({{ built_now('indicator_values') }}),

areas as (select * from {{ ref('int_school_areas') }}),

measured as (
    select
        'NPR03' as indicator_id,
        term,
        area_type,
        area_code,
        service as cell,
        referrals as counted,
        seen,
        still_waiting,
        unknown
    from waiting_times
    union all
    select
        'OUT01' as indicator_id,
        term,
        area_type,
        area_code,
        concat_ws(
            '|', provision, coalesce(need, '-'), coalesce(year_group, '-'), coalesce(sex, '-'), source
        ) as cell,
        pupils as counted,
        0 as seen,
        0 as still_waiting,
        0 as unknown
    from needs_profile
),

-- good practice is in no area's figure
parts as (
    select
        measured.indicator_id,
        measured.term,
        areas.area_type,
        areas.area_code,
        measured.cell,
        sum(measured.counted) as counted,
        sum(measured.seen) as seen,
        sum(measured.still_waiting) as still_waiting,
        sum(measured.unknown) as unknown
    from measured
    inner join areas on measured.area_code = areas.urn
    inner join school_values
        on
            measured.area_code = school_values.urn
            and measured.term = school_values.term
            and measured.indicator_id = school_values.indicator_id
            and school_values.group_type = 'all'
            and school_values.applies_as = 'duty'
    where measured.area_type = 'school'
    group by all
),

wholes as (
    select * from measured
    where area_type <> 'school'
),

services as (
    select
        indicator_id,
        term,
        area_type,
        area_code,
        'all' as cell,
        sum(counted) as counted,
        sum(seen) as seen,
        sum(still_waiting) as still_waiting,
        sum(unknown) as unknown
    from measured
    where indicator_id = 'NPR03' and cell <> 'all'
    group by all
),

all_services as (
    select * from measured
    where cell = 'all'
)

(
    select * from parts
    except all
    select * from wholes
)
union all
(
    select * from wholes
    except all
    select * from parts
)
union all
(
    select * from services
    except all
    select * from all_services
)
