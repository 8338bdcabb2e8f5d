with terms as (select * from {{ ref('int_terms') }}),

build as (select * from {{ ref('stg_build') }}),

begins_with as (
    -- what a term looks back on may be any earlier term, never a later one
    select min(terms.term_number) as first_term_number
    from build
    inner join terms on build.first_term = terms.term
),

to_build as (
    select terms.*
    from terms
    cross join begins_with
    where
        terms.term_number >= coalesce(begins_with.first_term_number, 0)
        and not terms.is_closed
)

select * from to_build
