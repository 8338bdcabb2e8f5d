with arrangements as (select * from {{ ref('int_arrangements') }}),

digits as (select ten.digit from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as ten (digit)),

numbers as (
    select thousands.digit * 1000 + hundreds.digit * 100 + tens.digit * 10 + ones.digit + 1 as number
    from digits as thousands
    cross join digits as hundreds
    cross join digits as tens
    cross join digits as ones
),

counts as (
    -- a number that cannot be (more pupils than any school has) is not known
    select
        term,
        urn,
        case when pupils_needing_healthcare_plan <= 10000 then pupils_needing_healthcare_plan end as pupils,
        healthcare_plans_reviewed as reviewed
    from arrangements
),

units as (
    -- the school gives two counts, no pupils: each pupil who needs a plan is a unit, so that areas are the sums
    select
        counts.term,
        counts.urn,
        concat(counts.urn, '/', numbers.number::varchar) as unit_id,
        numbers.number <= counts.reviewed as is_met
    from counts
    inner join numbers on counts.pupils >= numbers.number
    where counts.reviewed is not null
    union all
    -- how many were reviewed, or how many there are, is not known: the school is one unknown unit
    select
        term,
        urn,
        urn as unit_id,
        null as is_met
    from counts
    where pupils is null or (reviewed is null and pupils > 0)
)

select
    'MED01' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    unit_id,
    is_met
from units
