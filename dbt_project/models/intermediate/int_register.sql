with pupil_rows as (select * from {{ ref('int_pupil_rows') }}),

terms as (select * from {{ ref('int_terms') }}),

pupil_context as (select * from {{ ref('stg_pupil_context') }}),

looked_after as (
    select distinct pupil_key
    from pupil_context
    where looked_after
),

possibly_on_register as (
    -- a cell that is not known excludes nobody: no child is lost to a typing slip, but is unknown
    select
        pupil_rows.*,
        pupil_rows.sen_provision is not null
        and pupil_rows.enrolment is not null
        and pupil_rows.entry_date is not null
        and not pupil_rows.leaving_date_unreadable as membership_is_known
    from pupil_rows
    inner join terms on pupil_rows.term = terms.term
    where
        coalesce(pupil_rows.sen_provision, 'K') in ('K', 'E')
        and coalesce(pupil_rows.enrolment, 'C') in ('C', 'M')
        and coalesce(pupil_rows.entry_date, terms.as_at_date) <= terms.as_at_date
        and (pupil_rows.leaving_date is null or pupil_rows.leaving_date > terms.as_at_date)
),

register as (
    select
        possibly_on_register.*,
        looked_after.pupil_key is not null as is_looked_after,
        case when possibly_on_register.membership_is_known then true end as is_on_register
    from possibly_on_register
    left join looked_after on possibly_on_register.pupil_key = looked_after.pupil_key
)

select * from register
