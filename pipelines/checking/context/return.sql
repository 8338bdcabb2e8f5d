-- One row: the row of the sheet `return`, and counts over the whole return.
-- Straight-lining, a register that grew or shrank by half and a copy are looked for among more than ten only: fewer may
-- well be alike, and of fewer half come and go.
with returns as (select * from checked_returns),

pupils as (
    select
        return_id,
        count(*) as pupils
    from raw.pupils
    where return_id in (select return_id from returns)
    group by all
),

plans as (
    select
        return_id,
        count(*) as plans,
        count(*) filter (
            where not coalesce(
                complete and targets_measurable and staff_trained and teacher_responsible and parents_agreed, false
            )
        ) as not_all_yes
    from raw.plans
    where return_id in (select return_id from returns)
    group by all
),

reviews as (
    select
        return_id,
        count(*) as reviews,
        count(*) filter (
            where not coalesce(led_by = 'TEACHER' and parents_part = 'TOOK_PART', false)
        ) as not_alike,
        count(review_date) as dated,
        count(distinct review_date) as days
    from raw.reviews
    where return_id in (select return_id from returns)
    group by all
),

-- this term's return and last term's, side by side
two_returns as (
    select
        return_id,
        return_id as of_return,
        as_at_date,
        true as is_now
    from last_returns
    union all
    select
        return_id,
        last_return_id,
        last_as_at_date,
        false
    from last_returns
),

registers as (
    select
        two_returns.return_id,
        count(*) filter (where two_returns.is_now) as now,
        count(*) filter (where not two_returns.is_now) as before
    from two_returns
    inner join raw.pupils as pupils on two_returns.of_return = pupils.return_id
    where pupils.sen_provision in ('K', 'E') and coalesce(pupils.leaving_date > two_returns.as_at_date, true)
    group by all
),

texts as (
    select
        return_id,
        hash('pupils', *columns('.*__text')) as line
    from raw.pupils
    where return_id in (select of_return from two_returns)
    union all
    select
        return_id,
        hash('plans', *columns('.*__text'))
    from raw.plans
    where return_id in (select of_return from two_returns)
    union all
    select
        return_id,
        hash('reviews', *columns('.*__text'))
    from raw.reviews
    where return_id in (select of_return from two_returns)
    union all
    select
        return_id,
        hash('specialists', *columns('.*__text'))
    from raw.specialists
    where return_id in (select of_return from two_returns)
),

copies as (
    select
        two_returns.return_id,
        count(*) filter (where two_returns.is_now) > 10
        and sum(texts.line::hugeint) filter (where two_returns.is_now)
        = sum(texts.line::hugeint) filter (where not two_returns.is_now) as is_copy
    from two_returns
    inner join texts on two_returns.of_return = texts.return_id
    group by all
)

select
    received.*,
    returns.as_at_date as calendar_as_at_date,
    coalesce(pupils.pupils, 0) as pupils,
    case when pupils.pupils > 10 and plans.plans > 10 then plans.not_all_yes end as plans_not_all_yes,
    case when pupils.pupils > 10 and reviews.reviews > 10 then reviews.not_alike end as reviews_not_alike,
    case when reviews.reviews > 10 and reviews.dated = reviews.reviews then reviews.days end as review_days,
    case
        when greatest(registers.now, registers.before) <= 10 then null
        when 2 * registers.now <= registers.before then 'halved'
        -- without one pupil in it last term's return said nothing of the register
        when 2 * registers.now >= 3 * registers.before and registers.before > 0 then 'grown'
    end as register_change,
    copies.is_copy
from raw.return as received
inner join returns on received.return_id = returns.return_id
left join pupils on received.return_id = pupils.return_id
left join plans on received.return_id = plans.return_id
left join reviews on received.return_id = reviews.return_id
left join registers on received.return_id = registers.return_id
left join copies on received.return_id = copies.return_id
