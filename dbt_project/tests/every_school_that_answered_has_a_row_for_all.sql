-- a school that sent its return has every indicator that applies to it; one that owed it and sent none has SCH11
with duties as (select * from {{ ref('int_school_duties') }}),

figures as (select * from {{ ref('indicator_values') }})

select
    duties.indicator_id,
    duties.term,
    duties.urn
from duties
left join figures
    on
        duties.indicator_id = figures.indicator_id
        and duties.term = figures.term
        and duties.urn = figures.urn
        and figures.group_type = 'all'
where
    (duties.has_return or duties.indicator_id = 'SCH11')
    -- a figure that stands is of the schools of its time
    and duties.term not in {{ closed_terms() }}
    and figures.indicator_id is null
