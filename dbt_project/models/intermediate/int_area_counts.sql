with school_counts as (select * from {{ ref('int_school_counts') }}),

duties as (select * from {{ ref('int_school_duties') }}),

areas as (select * from {{ ref('int_school_areas') }}),

definitions as (select * from {{ ref('int_indicator_definitions') }}),

-- good practice is in no area's figure
duties_of_areas as (
    select
        areas.area_type,
        areas.area_code,
        duties.urn,
        duties.term,
        duties.indicator_id,
        -- SCH11 counts a school that sent nothing: it is in the figure
        duties.has_return or (duties.is_due and definitions.when_missing = 'counted') as is_counted,
        duties.is_due and not duties.has_return and definitions.when_missing <> 'counted' as is_missing
    from duties
    inner join areas on duties.urn = areas.urn
    inner join definitions
        on
            duties.term = definitions.term
            and duties.indicator_id = definitions.indicator_id
    where duties.applies_as = 'duty'
),

schools_of_areas as (
    select
        area_type,
        area_code,
        term,
        indicator_id,
        count(*) filter (where is_counted) as schools_counted,
        count(*) filter (where is_missing) as schools_missing
    from duties_of_areas
    group by all
),

counts_of_areas as (
    select
        duties_of_areas.area_type,
        duties_of_areas.area_code,
        school_counts.indicator_id,
        school_counts.term,
        school_counts.group_type,
        school_counts.group_value,
        sum(school_counts.numerator)::bigint as numerator,
        sum(school_counts.denominator)::bigint as denominator,
        sum(school_counts.unknown)::bigint as unknown
    from school_counts
    inner join duties_of_areas
        on
            school_counts.urn = duties_of_areas.urn
            and school_counts.term = duties_of_areas.term
            and school_counts.indicator_id = duties_of_areas.indicator_id
    where school_counts.denominator + school_counts.unknown > 0
    group by all
),

joined as (
    select
        counts_of_areas.*,
        schools_of_areas.schools_counted,
        schools_of_areas.schools_missing
    from counts_of_areas
    inner join schools_of_areas
        on
            counts_of_areas.area_type = schools_of_areas.area_type
            and counts_of_areas.area_code = schools_of_areas.area_code
            and counts_of_areas.term = schools_of_areas.term
            and counts_of_areas.indicator_id = schools_of_areas.indicator_id
)

select * from joined
