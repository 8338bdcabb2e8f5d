{{ config(materialized='by_term') }}

with figures as (select * from {{ ref('int_rated_figures') }}),

measured as (select * from {{ ref('int_measured_figures') }})

select
    indicator_id,
    area_code as urn,
    term,
    group_type,
    group_value,
    numerator,
    denominator,
    unknown,
    value,
    unit,
    lower_95,
    upper_95,
    rag,
    target,
    applies_as
from figures
where
    area_type = 'school'
    and indicator_id not in ({{ measured_indicators() }})
union all
select
    indicator_id,
    area_code as urn,
    term,
    'all' as group_type,
    'all' as group_value,
    numerator,
    denominator,
    unknown,
    value,
    unit,
    null as lower_95,
    null as upper_95,
    null as rag,
    target,
    applies_as
from measured
where area_type = 'school'
