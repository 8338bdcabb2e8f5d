with notes as (select * from {{ ref('stg_comparator_notes') }}),

comparators as (select * from {{ ref('int_comparators') }}),

releases as (select distinct release from comparators)

select
    notes.release,
    notes.measure,
    notes.symbol,
    notes.note
from notes
inner join releases on notes.release = releases.release
