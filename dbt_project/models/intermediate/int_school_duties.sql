with school_terms as (select * from {{ ref('int_school_terms') }}),

school_kinds as (select * from {{ ref('int_school_kinds') }}),

applies_to as (select * from {{ ref('stg_duty_applies_to') }}),

also_due as (select * from {{ ref('returns_also_due_from') }}),

in_force as (
    select
        school_terms.term,
        school_terms.urn,
        school_terms.is_open,
        school_terms.has_return,
        school_kinds.school_kind,
        applies_to.indicator_id,
        applies_to.applies_as
    from school_terms
    inner join school_kinds on school_terms.urn = school_kinds.urn
    inner join applies_to
        on
            school_kinds.school_kind = applies_to.school_kind
            and school_terms.as_at_date >= applies_to.valid_from
    left join also_due
        on
            school_terms.urn = also_due.urn
            and school_terms.as_at_date >= also_due.valid_from
            and (also_due.valid_to is null or school_terms.as_at_date <= also_due.valid_to)
    -- a school that the LA adds owes its return, whoever funds it
    where not (
            also_due.urn is not null
            and applies_to.indicator_id = 'SCH11'
            and applies_to.school_kind <> 'all'
        )
    qualify row_number() over (
            partition by school_terms.term, school_terms.urn, applies_to.indicator_id, applies_to.school_kind
            order by applies_to.valid_from desc nulls last
        ) = 1
),

-- the narrowest word holds: what is said of a school's own kinds comes before what is said of all schools
of_own_kinds as (
    select *
    from in_force
    qualify
        school_kind <> 'all'
        or not bool_or(school_kind <> 'all') over (partition by term, urn, indicator_id)
),

-- and what does not apply to one of its kinds does not apply to the school
weighed as (
    select
        term,
        urn,
        indicator_id,
        is_open,
        has_return,
        case
            when bool_or(applies_as = 'not') then 'not'
            when bool_or(applies_as = 'good_practice') then 'good_practice'
            else 'duty'
        end as applies_as
    from of_own_kinds
    group by all
),

with_due as (
    select
        term,
        urn,
        indicator_id,
        applies_as,
        has_return,
        -- SCH11 is the duty to send a return: a school that is open and has it is due
        bool_or(indicator_id = 'SCH11' and applies_as = 'duty' and is_open) over (partition by term, urn) as is_due
    from weighed
)

select * from with_due
where
    applies_as <> 'not'
    and (is_due or indicator_id <> 'SCH11')
