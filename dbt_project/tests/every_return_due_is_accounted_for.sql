-- schools counted and schools missing together are the schools to which the duty applies and that owed or sent a return
with duties as (select * from {{ ref('int_school_duties') }}),

area_values as (
    -- a figure that stands counts the schools of its time
    select * from {{ ref('indicator_values_area') }}
    where term not in {{ closed_terms() }}
),

expected as (
    select
        indicator_id,
        term,
        count(*) as schools
    from duties
    where
        applies_as = 'duty'
        and (is_due or has_return)
    group by all
)

select
    area_values.indicator_id,
    area_values.term
from area_values
inner join expected
    on
        area_values.indicator_id = expected.indicator_id
        and area_values.term = expected.term
where
    area_values.area_type = 'la'
    and area_values.schools_counted + area_values.schools_missing <> expected.schools
