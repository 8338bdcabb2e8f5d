with ours as (select * from {{ ref('parameters') }}),

of_la as (select * from {{ source('reference', 'la_parameters') }}),

first_of_la as (
    select
        parameter,
        min(valid_from) as valid_from
    from of_la
    group by parameter
),

meanings as (
    select distinct
        parameter,
        unit,
        indicators,
        meaning
    from ours
)

-- the LA's rows come first: once it has said a number, ours of that day and after say nothing
select
    ours.parameter,
    ours.valid_from,
    ours.value,
    ours.unit,
    ours.indicators,
    ours.meaning,
    false as set_by_la
from ours
left join first_of_la on ours.parameter = first_of_la.parameter
where first_of_la.valid_from is null or ours.valid_from < first_of_la.valid_from
union all
select
    of_la.parameter,
    of_la.valid_from,
    of_la.value,
    meanings.unit,
    meanings.indicators,
    meanings.meaning,
    true as set_by_la
from of_la
inner join meanings on of_la.parameter = meanings.parameter
