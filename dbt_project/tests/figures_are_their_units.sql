-- a figure for `all` is what its units say, counted again from the list that people drill down to
with units as ({{ built_now('indicator_units') }}),

figures as (
    select * from ({{ built_now('indicator_values') }}) as built
    where indicator_id not in ({{ measured_indicators() }})
),

counted as (
    select
        indicator_id,
        term,
        urn,
        count(*) filter (where is_met) as numerator,
        count(*) filter (where is_met is not null) as denominator,
        count(*) filter (where is_met is null) as unknown
    from units
    group by all
)

select
    figures.indicator_id,
    figures.term,
    figures.urn
from figures
full outer join counted
    on
        figures.indicator_id = counted.indicator_id
        and figures.term = counted.term
        and figures.urn = counted.urn
where
    coalesce(figures.group_type, 'all') = 'all'
    and (
        coalesce(figures.numerator, -1) <> coalesce(counted.numerator, 0)
        or coalesce(figures.denominator, -1) <> coalesce(counted.denominator, 0)
        or coalesce(figures.unknown, -1) <> coalesce(counted.unknown, 0)
    )
