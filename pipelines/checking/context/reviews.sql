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
    select
        return_id,
        row_number,
        upn,
        review_date,
        next_step
    from raw.reviews
    where return_id in (select return_id from checked_returns)
),

keys as (
    select
        return_id,
        upn,
        review_date,
        count(*) as rows_of_key
    from reviews
    group by all
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
    received.*,
    case when received.upn is not null then coalesce(pupils.pupils, 0) end as pupils,
    -- without its pupil a review is an orphan already
    case
        when pupils.pupils > 0 and received.planned_date is not null then coalesce(plans.plans, 0)
    end as plans,
    -- a key with a blank in it is nobody's: it finds none
    keys.rows_of_key,
    case
        when pupils.pupils > 0 and received.review_date is not null then coalesce(referrals.referrals, 0)
    end as referrals
from raw.reviews as received
inner join checked_returns as returns on received.return_id = returns.return_id
left join pupils on received.return_id = pupils.return_id and received.upn = pupils.identifier
left join plans
    on
        received.return_id = plans.return_id
        and received.upn = plans.upn
        and received.planned_date = plans.planned_date
left join keys
    on
        received.return_id = keys.return_id
        and received.upn = keys.upn
        and received.review_date = keys.review_date
left join referrals on received.return_id = referrals.return_id and received.row_number = referrals.row_number
