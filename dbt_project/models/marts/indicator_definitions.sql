{{ config(alias='indicators') }}

with definitions as (select * from {{ ref('indicators') }}),

in_force as (select * from {{ ref('int_indicator_definitions') }}),

set_by_la as (select * from {{ ref('int_definitions_set_by_la') }}),

terms as (select * from {{ ref('int_terms') }}),

-- the words of the newest term: an earlier target stands beside each figure
newest as (
    select
        in_force.indicator_id,
        in_force.valid_from,
        in_force.target
    from in_force
    inner join terms on in_force.term = terms.term
    qualify row_number() over (partition by in_force.indicator_id order by terms.term_number desc nulls last) = 1
)

select
    definitions.id,
    definitions.name,
    definitions.duty,
    definitions.word,
    definitions.numerator,
    definitions.denominator,
    definitions.unknown,
    definitions.counted_within,
    definitions.within_those,
    definitions.hidden_with,
    newest.target,
    definitions.polarity,
    definitions.unit,
    definitions.rag = 'yes' as has_rag,
    definitions.self_reported = 'yes' as self_reported,
    definitions.theme,
    definitions.position,
    definitions.valid_from,
    definitions.source,
    set_by_la.words as set_by_la
from definitions
inner join newest
    on
        definitions.id = newest.indicator_id
        and definitions.valid_from = newest.valid_from
left join set_by_la on definitions.id = set_by_la.indicator_id
