with ours as (select * from {{ ref('duty_applies_to') }}),

of_la as (select * from {{ source('reference', 'la_duty_applies_to') }}),

first_of_la as (
    select
        indicator_id,
        school_kind,
        min(valid_from) as valid_from
    from of_la
    group by indicator_id, school_kind
)

-- the LA's rows come first: once it has spoken of a kind of school, ours of that day and after say nothing of it
select
    ours.indicator_id,
    ours.school_kind,
    ours.applies_as,
    ours.valid_from,
    false as set_by_la
from ours
left join first_of_la
    on
        ours.indicator_id = first_of_la.indicator_id
        and ours.school_kind = first_of_la.school_kind
where first_of_la.valid_from is null or ours.valid_from < first_of_la.valid_from
union all
select
    indicator_id,
    school_kind,
    applies_as,
    valid_from,
    true as set_by_la
from of_la
