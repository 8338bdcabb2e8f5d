{{ config(alias='indicators') }}

with definitions as (select * from {{ ref('indicators') }}),

in_force as (select * from {{ ref('int_indicator_definitions') }}),

terms as (select * from {{ ref('int_terms') }}),

-- the words of the newest term: an earlier target stands beside each figure
newest as (
    select
        in_force.indicator_id,
        in_force.valid_from
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
    definitions.target,
    definitions.polarity,
    definitions.unit,
    definitions.rag = 'yes' as has_rag,
    definitions.self_reported = 'yes' as self_reported,
    definitions.theme,
    definitions.position,
    definitions.valid_from,
    definitions.source
from definitions
inner join newest
    on
        definitions.id = newest.indicator_id
        and definitions.valid_from = newest.valid_from
