with duties as (select * from {{ ref('int_school_duties') }}),

areas as (select * from {{ ref('int_school_areas') }}),

of_schools as (
    select
        term,
        indicator_id,
        urn,
        'school' as area_type,
        urn as area_code,
        applies_as,
        true as is_counted,
        false as is_missing
    from duties
    where
        indicator_id in ({{ measured_indicators() }})
        and has_return
),

-- good practice is in no area's figure
of_areas as (
    select
        duties.term,
        duties.indicator_id,
        duties.urn,
        areas.area_type,
        areas.area_code,
        duties.applies_as,
        duties.has_return as is_counted,
        duties.is_due and not duties.has_return as is_missing
    from duties
    inner join areas on duties.urn = areas.urn
    where
        duties.indicator_id in ({{ measured_indicators() }})
        and duties.applies_as = 'duty'
        and (duties.has_return or duties.is_due)
),

united as (
    select * from of_schools
    union all
    select * from of_areas
)

select * from united
