with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

pupils as (select * from {{ ref('int_pupils') }}),

specialists as (select * from {{ ref('int_specialists') }}),

linked as (
    -- at any school of the LA; what a school says of a pupil who left counts up to the leaving date, and what it does
    -- not carry into a new year is active no longer
    select
        specialists.term,
        specialists.pupil_key,
        case
            when pupils.leaving_date <= terms.as_at_date or specialists.ended_date <= terms.as_at_date then false
            when specialists.status <> 'ACTIVE' or specialists.listed_until is not null then false
            when specialists.status is null or specialists.ended_date_unreadable or pupils.leaving_date_unreadable
                then null
            else true
        end as is_active,
        case
            when specialists.advice_date_unreadable then null
            else coalesce(
                    specialists.advice_date > terms.year_start_after
                    and specialists.advice_date <= terms.as_at_date,
                    false
                )
        end as advised_in_year
    from specialists
    inner join terms on specialists.term = terms.term
    inner join pupils
        on
            specialists.term = pupils.term
            and specialists.urn = pupils.urn
            and specialists.pupil_key = pupils.pupil_key
    where specialists.referred_date <= terms.as_at_date
),

links_of_pupils as (
    select
        term,
        pupil_key,
        count_if(is_active or advised_in_year) as links,
        count_if((is_active or advised_in_year) is null) as not_known
    from linked
    group by term, pupil_key
),

units as (
    -- not for special schools: the seed duty_applies_to says so. Whose provision is not known may have an EHC plan
    select
        register.term,
        register.urn,
        register.pupil_key,
        case
            when register.is_on_register is null or register.sen_provision is null then null
            when links_of_pupils.links > 0 then true
            when links_of_pupils.not_known > 0 then null
            else false
        end as is_met
    from register
    left join links_of_pupils
        on
            register.term = links_of_pupils.term
            and register.pupil_key = links_of_pupils.pupil_key
    where coalesce(register.sen_provision, 'E') = 'E'
)

select
    'AGY01' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
