{# waits do not add up from parts: those of an area are ordered anew #}
{% set wait_group = 'term, area_type, area_code, service' %}

with waits as (select * from {{ ref('int_waits_of_areas') }}),

by_day as (
    select
        {{ wait_group }},
        days,
        count(*) filter (where standing = 'seen') as seen,
        count(*) as waits_ending
    from waits
    where days is not null
    group by all
),

-- Kaplan-Meier: of those who had waited so long, how many were seen on the day; who is still waiting counts up to then
steps as (
    select
        *,
        sum(waits_ending) over (
            partition by {{ wait_group }}
            order by days desc nulls last rows between unbounded preceding and current row
        ) as at_risk
    from by_day
),

survival as (
    select
        *,
        case
            when max(case when seen = at_risk then 1 else 0 end) over up_to_day = 1 then 0
            else exp(sum(case when seen < at_risk then ln(1 - seen::double / at_risk) end) over up_to_day)
        end as share_not_seen
    from steps
    window up_to_day as (
        partition by {{ wait_group }}
        order by days asc nulls last rows between unbounded preceding and current row
    )
),

centiles as (
    -- the first day by which half, or nine in ten, had been seen (a hair's breadth for products of fractions)
    select
        {{ wait_group }},
        min(days) filter (where share_not_seen <= 0.5 + 1e-9) as median_days,
        min(days) filter (where share_not_seen <= 0.1 + 1e-9) as ninetieth_days
    from survival
    group by all
),

counted as (
    select
        {{ wait_group }},
        count(days) as referrals,
        count(*) filter (where standing = 'seen') as seen,
        count(*) filter (where is_still_waiting) as still_waiting,
        count(*) - count(days) as unknown
    from waits
    group by all
),

waiting_times as (
    select
        counted.term,
        counted.area_type,
        counted.area_code,
        counted.service,
        counted.referrals,
        counted.seen,
        counted.still_waiting,
        counted.unknown,
        centiles.median_days,
        centiles.ninetieth_days
    from counted
    left join centiles
        on
            counted.term = centiles.term
            and counted.area_type = centiles.area_type
            and counted.area_code = centiles.area_code
            and counted.service = centiles.service
)

select * from waiting_times
