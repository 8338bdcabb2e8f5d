-- an indicator has no more units in a school than the one that the seed says it is counted within, where both apply;
-- and what is hidden as one is counted within the same
with figures as ({{ built_now('indicator_values') }}),

definitions as (select * from {{ ref('indicator_definitions') }}),

counted as (
    select
        figures.*,
        definitions.counted_within,
        definitions.within_those,
        figures.denominator + figures.unknown as units
    from figures
    inner join definitions on figures.indicator_id = definitions.id
)

select
    part.indicator_id,
    part.term,
    part.urn
from counted as part
inner join counted as whole
    on
        part.counted_within = whole.indicator_id
        and part.term = whole.term
        and part.urn = whole.urn
        and part.group_type = whole.group_type
        and part.group_value = whole.group_value
where
    part.group_type = 'all'
    and part.units > case part.within_those
        when 'met' then whole.units - (whole.denominator - whole.numerator)
        when 'not_met' then whole.units - whole.numerator
        else whole.units
    end
union all
select
    one.id as indicator_id,
    null as term,
    null as urn
from definitions as one
inner join definitions as other on one.hidden_with = other.id
where coalesce(one.counted_within, one.id) <> coalesce(other.counted_within, other.id)
