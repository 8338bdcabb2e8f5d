with units as (select * from {{ ref('int_indicator_units') }}),

pupil_groups as (select * from {{ ref('int_groups') }}),

duties as (select * from {{ ref('int_school_duties') }}),

-- a unit counts in `all`, and in every group of the pupil's row in the school's return of the term
units_in_groups as (
    select
        units.indicator_id,
        units.term,
        units.urn,
        pupil_groups.group_type,
        pupil_groups.group_value,
        units.is_met
    from units
    inner join pupil_groups
        on
            units.term = pupil_groups.term
            and units.urn = pupil_groups.urn
            and units.pupil_key = pupil_groups.pupil_key
    union all
    select
        indicator_id,
        term,
        urn,
        'all' as group_type,
        'all' as group_value,
        is_met
    from units
),

counted as (
    select
        indicator_id,
        term,
        urn,
        group_type,
        group_value,
        count(*) filter (where is_met) as numerator,
        count(is_met) as denominator,
        count(*) - count(is_met) as unknown
    from units_in_groups
    group by all
),

-- a school that sent its return has a row for `all`, with or without a unit
nothing_yet as (
    select
        indicator_id,
        term,
        urn,
        'all' as group_type,
        'all' as group_value,
        0 as numerator,
        0 as denominator,
        0 as unknown
    from duties
    where has_return
),

united as (
    select * from counted
    union all
    select * from nothing_yet
),

summed as (
    select
        indicator_id,
        term,
        urn,
        group_type,
        group_value,
        sum(numerator)::bigint as numerator,
        sum(denominator)::bigint as denominator,
        sum(unknown)::bigint as unknown
    from united
    group by all
)

select * from summed
