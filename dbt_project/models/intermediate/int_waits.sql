with specialists as (select * from {{ ref('int_specialists') }}),

pupils as (select * from {{ ref('int_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

referrals as (
    select
        specialists.*,
        -- advice is a contact
        least(
            coalesce(specialists.first_contact_date, specialists.advice_date),
            coalesce(specialists.advice_date, specialists.first_contact_date)
        ) as seen_on,
        specialists.first_contact_date_unreadable
        or (specialists.first_contact_date is null and specialists.advice_date_unreadable) as contact_unreadable,
        -- who left, or whose referral ended without a contact or is not carried into the new year, waits no longer, and
        -- had waited until then
        least(
            terms.as_at_date,
            coalesce(pupils.leaving_date, terms.as_at_date),
            coalesce(specialists.ended_date, terms.as_at_date),
            coalesce(specialists.listed_until, terms.as_at_date)
        ) as waited_until,
        terms.as_at_date
    from specialists
    inner join terms
        on
            specialists.term = terms.term
            and specialists.referred_date > terms.year_start_after
            and specialists.referred_date <= terms.as_at_date
    inner join pupils
        on
            specialists.term = pupils.term
            and specialists.urn = pupils.urn
            and specialists.pupil_key = pupils.pupil_key
    where pupils.school_answered
),

judged as (
    select
        *,
        case
            when contact_unreadable then 'not_known'
            when seen_on is not null then 'seen'
            when status = 'REFERRED' then 'waiting'
            when status in ('DECLINED_BY_SERVICE', 'DECLINED_BY_PARENTS') then 'declined'
            -- active or closed, and so seen, on a day that is not known; or nothing is known
            else 'not_known'
        end as standing
    from referrals
),

waits as (
    select
        term,
        urn,
        pupil_key,
        service,
        referred_date,
        standing,
        standing = 'waiting' and waited_until >= as_at_date as is_still_waiting,
        case
            when standing = 'seen' then greatest({{ dbt.datediff('referred_date', 'seen_on', 'day') }}, 0)
            when standing = 'waiting' then greatest({{ dbt.datediff('referred_date', 'waited_until', 'day') }}, 0)
        end as days
    from judged
    -- a referral that was declined without a contact is no wait
    where standing <> 'declined'
)

select * from waits
