{{ config(materialized='by_term') }}

with admissions as (select * from {{ ref('int_admissions') }})

select
    pupil_key,
    urn,
    term,
    named_date,
    due_date,
    admitted_date,
    standing,
    days_late,
    reason,
    named_date_source,
    due_date_source,
    admitted_date_source
from admissions
