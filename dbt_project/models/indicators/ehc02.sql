with admissions as (select * from {{ ref('int_admissions') }}),

-- met is bad here: refused or stalled
due_by_as_at_date as (
    select
        term,
        urn,
        pupil_key,
        unit_id,
        case
            when standing = 'not_known' then null
            else standing in ('due_and_not_admitted', 'named_by_la_absent_from_return')
        end as is_met
    from admissions
    where is_due
)

select
    'EHC02' as indicator_id,
    term,
    urn,
    pupil_key,
    unit_id,
    is_met
from due_by_as_at_date
