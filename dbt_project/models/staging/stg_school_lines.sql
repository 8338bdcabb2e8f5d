{{ config(materialized='table') }}

-- One school that becomes an academy, or an academy that is taken over under a new URN, stays one school. Only a school
-- that closed into exactly one and was its only predecessor does: who merged, split or came out of several does not.
with recursive links as (select * from {{ source('reference', 'school_links') }}),

schools as (select * from {{ source('reference', 'schools') }}),

-- GIAS says each link twice, from both ends, and sometimes from one alone
successions as (
    select
        urn as old_urn,
        link_urn as new_urn,
        lower(trim(link_type)) = 'successor' as is_plain
    from links
    where lower(link_type) like 'successor%'
    union all
    select
        link_urn as old_urn,
        urn as new_urn,
        lower(trim(link_type)) = 'predecessor' as is_plain
    from links
    where lower(link_type) like 'predecessor%'
),

pairs as (
    select
        old_urn,
        new_urn,
        bool_and(is_plain) as is_plain
    from successions
    where old_urn <> new_urn
    group by old_urn, new_urn
),

counted as (
    select
        old_urn,
        new_urn,
        is_plain,
        count(*) over (partition by old_urn) as successors,
        count(*) over (partition by new_urn) as predecessors
    from pairs
),

conversions as (
    select
        counted.old_urn,
        counted.new_urn
    from counted
    inner join schools as closed on counted.old_urn = closed.urn
    -- a successor that GIAS does not have could stand for nobody
    inner join schools as opened on counted.new_urn = opened.urn
    where
        counted.is_plain
        and counted.successors = 1
        and counted.predecessors = 1
        and closed.status = 'Closed'
),

steps as (
    select
        old_urn as urn,
        new_urn as line_urn,
        1 as conversions
    from conversions
    union all
    select
        steps.urn,
        conversions.new_urn as line_urn,
        steps.conversions + 1 as conversions
    from steps
    inner join conversions on steps.line_urn = conversions.old_urn
    -- links that lead back to where they began end here, and then nowhere
    where steps.conversions < 20
)

select
    steps.urn,
    steps.line_urn
from steps
where not exists (select 1 from conversions where conversions.old_urn = steps.line_urn)
