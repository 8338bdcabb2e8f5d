with review_days as (select * from {{ ref('int_review_days') }}),

parameters as (select * from {{ ref('int_parameters') }}),

breaks as (
    select
        *,
        max(case when outcome = 'progress' then review_date end) over (partition by term, pupil_key)
            as last_progress_date,
        max(case when outcome in ('progress', 'not_known') then review_date end) over (partition by term, pupil_key)
            as last_possible_progress_date
    from review_days
    where outcome <> 'not_assessed'
),

readings as (
    -- a review whose progress is not known is read both ways: as progress, what remains is a spell for certain; as
    -- limited progress, what comes of it is a possible one
    select
        *,
        true as is_certain
    from breaks
    where last_possible_progress_date is null or review_date > last_possible_progress_date
    union all
    select
        *,
        false as is_certain
    from breaks
    where last_progress_date is null or review_date > last_progress_date
),

in_order as (
    select
        term,
        pupil_key,
        is_certain,
        review_date,
        row_number() over run as review_number,
        first_value(planned_date) over run as spell_start
    from readings
    window run as (partition by term, pupil_key, is_certain order by review_date asc nulls last)
),

spells as (
    select
        in_order.term,
        in_order.pupil_key,
        in_order.is_certain,
        in_order.spell_start,
        count(*) as reviews,
        max(in_order.review_date) as last_review_date,
        min(in_order.review_date) filter (
            where
            in_order.review_number >= parameters.spell_reviews
            and {{ dbt.datediff('in_order.spell_start', 'in_order.review_date', 'day') }} >= parameters.spell_days
        ) as established_on
    from in_order
    inner join parameters on in_order.term = parameters.term
    group by in_order.term, in_order.pupil_key, in_order.is_certain, in_order.spell_start
),

current_spells as (
    select
        term,
        pupil_key,
        spell_start,
        established_on,
        reviews,
        last_review_date,
        case when is_certain then true end as is_current
    from spells
    where established_on is not null
    qualify row_number() over (partition by term, pupil_key order by is_certain desc nulls last) = 1
)

select * from current_spells
