-- every unit of a duty in a school is in the LA's figure and in its phase's, once
with school_values as (select * from {{ ref('indicator_values') }}),

area_values as (select * from {{ ref('indicator_values_area') }}),

schools as (select * from {{ ref('schools') }}),

parts as (
    select
        school_values.indicator_id,
        school_values.term,
        school_values.group_type,
        school_values.group_value,
        areas.area_type,
        sum(school_values.numerator) as numerator,
        sum(school_values.denominator) as denominator,
        sum(school_values.unknown) as unknown
    from school_values
    inner join schools on school_values.urn = schools.urn
    cross join (values ('la'), ('phase'), ('trust')) as areas (area_type)
    where
        school_values.applies_as = 'duty'
        and school_values.denominator + school_values.unknown > 0
        and (areas.area_type <> 'phase' or schools.phase <> '')
        and (areas.area_type <> 'trust' or schools.trust_code <> '')
    group by all
),

wholes as (
    select
        indicator_id,
        term,
        group_type,
        group_value,
        area_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(unknown) as unknown
    from area_values
    group by all
)

(
    select * from parts
    except
    select * from wholes
)
union all
(
    select * from wholes
    except
    select * from parts
)
