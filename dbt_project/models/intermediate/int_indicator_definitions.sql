with definitions as (select * from {{ ref('indicators') }}),

targets as (select * from {{ ref('stg_targets') }}),

terms as (select * from {{ ref('int_terms') }}),

targets_in_force as (
    select
        terms.term,
        targets.indicator_id,
        targets.target,
        targets.set_by_la
    from terms
    inner join targets on terms.as_at_date >= targets.valid_from
    qualify row_number() over (
            partition by terms.term, targets.indicator_id order by targets.valid_from desc nulls last
        ) = 1
),

in_force as (
    select
        terms.term,
        definitions.id as indicator_id,
        definitions.valid_from,
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
),

with_targets as (
    select
        in_force.*,
        targets_in_force.target,
        coalesce(targets_in_force.set_by_la, false) as target_set_by_la
    from in_force
    left join targets_in_force
        on
            in_force.term = targets_in_force.term
            and in_force.indicator_id = targets_in_force.indicator_id
)

select * from with_targets
