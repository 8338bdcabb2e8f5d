with schools as (select * from {{ ref('int_schools_of_la') }}),

kinds as (select * from {{ ref('school_kinds') }}),

of_a_kind as (
    select distinct
        schools.urn,
        kinds.school_kind
    from schools
    inner join kinds
        on
            case kinds.gias_column
                when 'type_group' then schools.type_group
                when 'type' then schools.type
                when 'phase' then schools.phase
            end = kinds.gias_value
            and (
                kinds.section_41 is null
                or kinds.section_41 = case when schools.section_41 then 'yes' else 'no' end
            )
),

every_school as (
    select
        urn,
        'all' as school_kind
    from schools
),

united as (
    select * from of_a_kind
    union all
    select * from every_school
)

select * from united
