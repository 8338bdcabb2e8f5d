with admissions as (select * from {{ ref('int_admissions') }}),

-- an admission is counted once: in the term in which it was due
due_in_term as (
    select
        term,
        urn,
        pupil_key,
        unit_id,
        case
            when standing = 'not_known' then null
            else standing = 'admitted_on_time'
        end as is_met
    from admissions
    where
        is_due
        and is_due_after_previous_term
)

select
    'EHC01' as indicator_id,
    term,
    urn,
    pupil_key,
    unit_id,
    is_met
from due_in_term
