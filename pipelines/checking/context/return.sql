-- One row: the row of the sheet `return`, and counts over the whole return.
-- Straight-lining is looked for among more than ten only: fewer may well be alike.
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
)

select
    received.*,
    returns.as_at_date as calendar_as_at_date,
    coalesce(pupils.pupils, 0) as pupils,
    case when pupils.pupils > 10 and plans.plans > 10 then plans.not_all_yes end as plans_not_all_yes,
    case when pupils.pupils > 10 and reviews.reviews > 10 then reviews.not_alike end as reviews_not_alike,
    case when reviews.reviews > 10 and reviews.dated = reviews.reviews then reviews.days end as review_days
from raw.return as received
inner join returns on received.return_id = returns.return_id
left join pupils on received.return_id = pupils.return_id
left join plans on received.return_id = plans.return_id
left join reviews on received.return_id = reviews.return_id
