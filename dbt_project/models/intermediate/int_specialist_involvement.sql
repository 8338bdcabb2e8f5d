with windows as (select * from {{ ref('int_specialist_windows') }}),

specialists as (select * from {{ ref('int_specialists') }}),

pupils as (select * from {{ ref('int_pupils') }}),

referrals as (
    select
        windows.term,
        windows.pupil_key,
        windows.referred_after,
        windows.contact_since,
        windows.as_at_date,
        specialists.referred_date,
        specialists.first_contact_date,
        specialists.advice_date,
        specialists.status,
        specialists.ended_date,
        -- what a school says of a pupil who left counts up to the leaving date; what it does not carry into a new year,
        -- as long as it was listed
        least(
            coalesce(pupils.leaving_date, windows.as_at_date),
            coalesce(specialists.listed_until, windows.as_at_date),
            windows.as_at_date
        ) as open_until,
        specialists.status is null
        or specialists.first_contact_date_unreadable
        or specialists.advice_date_unreadable
        or specialists.ended_date_unreadable as something_unreadable
    from windows
    inner join specialists
        on
            windows.term = specialists.term
            and windows.pupil_key = specialists.pupil_key
    inner join pupils
        on
            specialists.term = pupils.term
            and specialists.urn = pupils.urn
            and specialists.pupil_key = pupils.pupil_key
    where specialists.referred_date <= windows.as_at_date
),

contacts as (
    select
        *,
        case
            when first_contact_date is null then null
            when ended_date is not null then ended_date
            when status = 'ACTIVE' then open_until
            else first_contact_date
        end as contact_until,
        case
            when
                first_contact_date is not null
                or advice_date is not null
                or status in ('ACTIVE', 'CLOSED') then 'seen'
            when status = 'DECLINED_BY_SERVICE' then 'declined_by_service'
            when status = 'DECLINED_BY_PARENTS' then 'declined_by_parents'
            -- a status that is not known is at least a referral
            else 'waiting'
        end as standing
    from referrals
),

counted as (
    select
        *,
        coalesce(
            referred_date > referred_after
            or (status in ('REFERRED', 'ACTIVE') and open_until >= contact_since)
            or contact_until >= contact_since
            or advice_date >= contact_since,
            false
        ) as is_involvement
    from contacts
),

ranked as (
    select
        *,
        case standing
            when 'seen' then 1
            when 'waiting' then 2
            when 'declined_by_service' then 3
            else 4
        end as standing_rank
    from counted
),

furthest as (
    -- of several that reached as far, the earliest: it says how long the pupil has waited, or been seen
    select
        term,
        pupil_key,
        standing,
        referred_date
    from ranked
    where is_involvement
    qualify
        row_number() over (
            partition by term, pupil_key order by standing_rank asc nulls last, referred_date asc nulls last
        ) = 1
),

by_pupil as (
    select
        term,
        pupil_key,
        bool_or(is_involvement) as is_involved,
        bool_or(something_unreadable) as something_unreadable,
        min(least(coalesce(first_contact_date, advice_date), coalesce(advice_date, first_contact_date))) filter (
            where is_involvement
        ) as first_contact_date
    from ranked
    group by term, pupil_key
),

involvement as (
    select
        windows.term,
        windows.pupil_key,
        case
            when by_pupil.is_involved then true
            when by_pupil.something_unreadable then null
            else false
        end as specialist_involved,
        coalesce(furthest.standing, 'no_referral') as standing,
        furthest.referred_date,
        by_pupil.first_contact_date
    from windows
    left join by_pupil
        on
            windows.term = by_pupil.term
            and windows.pupil_key = by_pupil.pupil_key
    left join furthest
        on
            windows.term = furthest.term
            and windows.pupil_key = furthest.pupil_key
)

select * from involvement
