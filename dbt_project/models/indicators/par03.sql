with newly_on_register as (select * from {{ ref('int_newly_on_register') }}),

parameters as (select * from {{ ref('int_parameters') }}),

terms as (select * from {{ ref('int_terms') }}),

pupils as (select * from {{ ref('int_pupils') }}),

told as (
    -- at any school of the LA
    select
        term,
        pupil_key,
        min(young_person_informed_date) as young_person_informed_date,
        bool_or(young_person_informed_date_unreadable) as young_person_informed_date_unreadable
    from pupils
    group by term, pupil_key
),

units as (
    select
        newly_on_register.term,
        newly_on_register.urn,
        newly_on_register.pupil_key,
        case
            when newly_on_register.is_newly_on_register is null or newly_on_register.year_group is null then null
            when told.young_person_informed_date <= terms.as_at_date then true
            when told.young_person_informed_date_unreadable then null
            else false
        end as is_met
    from newly_on_register
    inner join terms on newly_on_register.term = terms.term
    inner join parameters on newly_on_register.term = parameters.term
    left join told
        on
            newly_on_register.term = told.term
            and newly_on_register.pupil_key = told.pupil_key
    -- a year group that is not known may be one of them
    where
        newly_on_register.year_group is null
        or try_cast(newly_on_register.year_group as integer) >= parameters.young_person_from_year
)

select
    'PAR03' as indicator_id,
    term,
    urn,
    pupil_key,
    pupil_key as unit_id,
    is_met
from units
