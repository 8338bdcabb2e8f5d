with register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms_to_build') }}),

parameters as (select * from {{ ref('int_parameters') }}),

spells as (select * from {{ ref('int_spells') }}),

pupils as (
    select distinct
        term,
        pupil_key
    from register
),

started as (
    select
        pupils.term,
        pupils.pupil_key,
        terms.as_at_date,
        parameters.referral_months,
        spells.spell_start,
        coalesce(spells.spell_start, terms.as_at_date) as counted_back_from,
        -- in the year: from the day after the as-at date of the same term a year before
        coalesce(
            spells.spell_start, cast({{ dbt.dateadd('day', 1, 'terms.year_start_after') }} as date)
        ) as contact_since
    from pupils
    inner join terms on pupils.term = terms.term
    inner join parameters on pupils.term = parameters.term
    left join spells
        on
            pupils.term = spells.term
            and pupils.pupil_key = spells.pupil_key
),

windows as (
    select
        term,
        pupil_key,
        as_at_date,
        spell_start,
        cast({{ dbt.dateadd('month', '-referral_months', 'counted_back_from') }} as date) as referred_after,
        contact_since
    from started
)

select * from windows
