{{ config(materialized='by_term') }}

with units as (select * from {{ ref('int_indicator_units') }}),

register as (select * from {{ ref('int_register') }}),

terms as (select * from {{ ref('int_terms') }}),

spells as (select * from {{ ref('int_spells') }}),

involvement as (select * from {{ ref('int_specialist_involvement') }}),

cases as (
    -- every unit of NPR02 and NPR04, met or not, and the unmet of NPR05; a row each
    select
        term,
        urn,
        pupil_key,
        is_met,
        indicator_id,
        case indicator_id
            when 'NPR02' then 'spell'
            when 'NPR04' then 'below_peers'
            else 'progress_not_known'
        end as trigger,
        -- the spell's columns are for the spell's own cases
        case when indicator_id = 'NPR02' then pupil_key end as pupil_key_in_spell
    from units
    where
        indicator_id in ('NPR02', 'NPR04')
        or (indicator_id = 'NPR05' and not is_met)
),

described as (
    select
        cases.pupil_key,
        cases.urn,
        cases.term,
        register.primary_need as need,
        cases.trigger,
        spells.spell_start,
        spells.reviews,
        {{ dbt.datediff('spells.spell_start', 'terms.as_at_date', 'day') }} as days_in_spell,
        case
            -- seen, on a day that is not known
            when involvement.standing = 'seen' and involvement.first_contact_date is null then null
            -- seen before the spell began
            when involvement.first_contact_date <= spells.spell_start then 0
            else
                {{ dbt.datediff(
                    'spells.spell_start', 'coalesce(involvement.first_contact_date, terms.as_at_date)', 'day'
                ) }}
        end as days_without_specialist,
        involvement.standing,
        involvement.referred_date,
        cases.indicator_id,
        cases.is_met
    from cases
    inner join terms on cases.term = terms.term
    inner join register
        on
            cases.term = register.term
            and cases.urn = register.urn
            and cases.pupil_key = register.pupil_key
    inner join involvement
        on
            cases.term = involvement.term
            and cases.pupil_key = involvement.pupil_key
    left join spells
        on
            cases.term = spells.term
            and cases.pupil_key_in_spell = spells.pupil_key
)

select * from described
