-- every unit of a duty in a school is in the LA's figure, its phase's and its trust's, once, and nothing else is; the
-- numbers that waits, amounts and the profile of needs are out of as well
with school_values as ({{ built_now('indicator_values') }}),

area_values as ({{ built_now('indicator_values_area') }}),

areas as (select * from {{ ref('int_school_areas') }}),

parts as (
    select
        school_values.indicator_id,
        school_values.term,
        school_values.group_type,
        school_values.group_value,
        areas.area_type,
        areas.area_code,
        sum(school_values.numerator) as numerator,
        sum(school_values.denominator) as denominator,
        sum(school_values.unknown) as unknown
    from school_values
    inner join areas on school_values.urn = areas.urn
    where
        school_values.applies_as = 'duty'
        and school_values.denominator + school_values.unknown > 0
    group by all
),

wholes as (
    select
        indicator_id,
        term,
        group_type,
        group_value,
        area_type,
        area_code,
        numerator,
        denominator,
        unknown
    from area_values
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
