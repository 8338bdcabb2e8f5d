-- One row: a row of the sheet `reviews`. A parent is looked for in the received rows, those not counted included.
with pupils as (
    select
        return_id,
        identifier,
        count(*) as pupils
    from received_pupils
    group by all
),

plans as (
    select
        return_id,
        upn,
        planned_date,
        count(*) as plans
    from raw.plans
    where return_id in (select return_id from checked_returns) and upn is not null and planned_date is not null
    group by all
),

reviews as (
    select * from raw.reviews
    where return_id in (select return_id from checked_returns)
),

-- a referral whose date cannot be read may be the one: it has an issue of its own
referrals as (
    select
        reviews.return_id,
        reviews.row_number,
        count(*) as referrals
    from reviews
    inner join raw.specialists as specialists
        on
            reviews.return_id = specialists.return_id
            and reviews.upn = specialists.upn
            and (
                specialists.referred_date is null
                or specialists.referred_date >= reviews.review_date - interval '12 months'
            )
    where reviews.next_step = 'INVOLVE_SPECIALIST'
    group by all
)

select
    reviews.*,
    case when reviews.upn is not null then coalesce(pupils.pupils, 0) end as pupils,
    -- without its pupil a review is an orphan already
    case
        when pupils.pupils > 0 and reviews.planned_date is not null then coalesce(plans.plans, 0)
    end as plans,
    case
        when reviews.upn is not null and reviews.review_date is not null
            then count(*) over (partition by reviews.return_id, reviews.upn, reviews.review_date)
    end as rows_of_key,
    case
        when pupils.pupils > 0 and reviews.review_date is not null then coalesce(referrals.referrals, 0)
    end as referrals
from reviews
left join pupils on reviews.return_id = pupils.return_id and reviews.upn = pupils.identifier
left join plans
    on
        reviews.return_id = plans.return_id
        and reviews.upn = plans.upn
        and reviews.planned_date = plans.planned_date
left join referrals on reviews.return_id = referrals.return_id and reviews.row_number = referrals.row_number
order by reviews.return_id, reviews.row_number
