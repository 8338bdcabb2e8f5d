with pupil_rows as (select * from {{ ref('int_pupil_rows') }}),

pupil_context as (select * from {{ ref('stg_pupil_context') }}),

phases as (
    select
        year_group,
        phase
    from {{ ref('year_group_phases') }}
),

context_of_pupil as (
    select
        pupil_key,
        coalesce(bool_or(looked_after), false) as looked_after,
        coalesce(bool_or(top_up_funding), false) as top_up_funding
    from pupil_context
    group by pupil_key
),

grouped as (
    select
        pupil_rows.term,
        pupil_rows.urn,
        pupil_rows.pupil_key,
        -- N (came off the register) is no group
        case when pupil_rows.sen_provision in ('K', 'E') then pupil_rows.sen_provision end as provision,
        pupil_rows.primary_need as need,
        pupil_rows.sex,
        phases.phase,
        case when context_of_pupil.looked_after then 'Y' else 'N' end as looked_after,
        case when context_of_pupil.top_up_funding then 'Y' else 'N' end as top_up
    from pupil_rows
    left join context_of_pupil on pupil_rows.pupil_key = context_of_pupil.pupil_key
    left join phases on pupil_rows.year_group = phases.year_group
)

select * from grouped
