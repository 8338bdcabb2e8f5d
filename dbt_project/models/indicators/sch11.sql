with duties as (select * from {{ ref('int_school_duties') }}),

school_returns as (select * from {{ ref('int_school_returns') }}),

-- the one indicator of a school that sent nothing
schools_due as (
    select
        duties.term,
        duties.urn,
        coalesce(school_returns.on_time, false) as is_met
    from duties
    left join school_returns
        on
            duties.term = school_returns.term
            and duties.urn = school_returns.urn
    where duties.indicator_id = 'SCH11'
)

select
    'SCH11' as indicator_id,
    term,
    urn,
    null::varchar as pupil_key,
    urn as unit_id,
    is_met
from schools_due
