with school_counts as (select * from {{ ref('int_school_counts') }}),

area_counts as (select * from {{ ref('int_area_counts') }}),

duties as (select * from {{ ref('int_school_duties') }}),

definitions as (select * from {{ ref('int_indicator_definitions') }}),

figures as (
    select
        school_counts.indicator_id,
        'school' as area_type,
        school_counts.urn as area_code,
        school_counts.term,
        school_counts.group_type,
        school_counts.group_value,
        school_counts.numerator,
        school_counts.denominator,
        school_counts.unknown,
        duties.applies_as,
        null as schools_counted,
        null as schools_missing
    from school_counts
    inner join duties
        on
            school_counts.indicator_id = duties.indicator_id
            and school_counts.urn = duties.urn
            and school_counts.term = duties.term
    union all
    select
        indicator_id,
        area_type,
        area_code,
        term,
        group_type,
        group_value,
        numerator,
        denominator,
        unknown,
        'duty' as applies_as,
        schools_counted,
        schools_missing
    from area_counts
),

defined as (
    select
        figures.*,
        definitions.target,
        definitions.polarity,
        definitions.unit,
        definitions.has_rag,
        definitions.rag_needs_minimum_units,
        case
            when definitions.unit = 'count' then figures.numerator::double
            else figures.numerator::double / nullif(figures.denominator, 0)
        end as value
    from figures
    inner join definitions
        on
            figures.term = definitions.term
            and figures.indicator_id = definitions.indicator_id
),

with_interval as (
    select
        *,
        case when unit = 'rate' then {{ wilson_bound('numerator', 'denominator', '-') }} end as lower_95,
        case when unit = 'rate' then {{ wilson_bound('numerator', 'denominator', '+') }} end as upper_95
    from defined
),

rated as (
    select
        *,
        case
            when not has_rag or applies_as <> 'duty' or target is null then null
            when denominator = 0 then 'grey'
            when rag_needs_minimum_units and denominator < {{ env_var('SEN_MINIMUM_UNITS', '5') | int }} then 'grey'
            when polarity = 'higher' and value >= target then 'green'
            when polarity = 'lower' and value <= target then 'green'
            when polarity = 'higher' and upper_95 < target then 'red'
            when polarity = 'lower' and lower_95 > target then 'red'
            else 'amber'
        end as rag
    from with_interval
)

select * from rated
