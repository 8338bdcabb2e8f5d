with definitions as (select * from {{ ref('indicators') }}),

terms as (select * from {{ ref('int_terms') }}),

in_force as (
    select
        terms.term,
        definitions.id as indicator_id,
        definitions.valid_from,
        definitions.target,
        definitions.polarity,
        definitions.unit,
        definitions.rag = 'yes' as has_rag,
        definitions.rag_needs_minimum_units = 'yes' as rag_needs_minimum_units,
        definitions.when_missing
    from terms
    inner join definitions on terms.as_at_date >= definitions.valid_from
    qualify row_number() over (
            partition by terms.term, definitions.id order by definitions.valid_from desc nulls last
        ) = 1
)

select * from in_force
