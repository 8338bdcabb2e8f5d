with definitions as (select * from {{ ref('indicators') }}),

of_la as (select * from {{ source('reference', 'la_targets') }}),

first_of_la as (
    select
        indicator_id,
        min(valid_from) as valid_from
    from of_la
    group by indicator_id
)

-- the LA's rows come first: once it has set a target, ours of that day and after say nothing
select
    definitions.id as indicator_id,
    definitions.valid_from,
    definitions.target,
    false as set_by_la
from definitions
left join first_of_la on definitions.id = first_of_la.indicator_id
where first_of_la.valid_from is null or definitions.valid_from < first_of_la.valid_from
union all
select
    indicator_id,
    valid_from,
    target,
    true as set_by_la
from of_la
