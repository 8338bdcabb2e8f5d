with pupil_rows as (select * from {{ ref('int_pupil_rows') }}),

terms as (select * from {{ ref('int_terms') }}),

listed as (
    -- as K or E, enrolment C or M; where one of these is not known, possibly so
    select
        pupil_rows.term,
        terms.term_number,
        terms.year_start_after,
        terms.as_at_date,
        pupil_rows.urn,
        pupil_rows.pupil_key,
        pupil_rows.year_group,
        pupil_rows.sen_start_date,
        pupil_rows.sen_provision is not null and pupil_rows.enrolment is not null as is_certain
    from pupil_rows
    inner join terms on pupil_rows.term = terms.term
    where
        coalesce(pupil_rows.sen_provision, 'K') in ('K', 'E')
        and coalesce(pupil_rows.enrolment, 'C') in ('C', 'M')
),

first_listed as (
    select
        *,
        min(term_number) over (partition by pupil_key) as first_term_number,
        min(case when is_certain then term_number end) over (partition by pupil_key) as first_certain_term_number
    from listed
),

newly_listed as (
    -- both schools of a pupil who moved within the first term: what either did counts for the pupil
    select
        term,
        urn,
        pupil_key,
        year_group,
        sen_start_date,
        case when is_certain and sen_start_date is not null then true end as is_newly_on_register
    from first_listed
    where
        (
            (is_certain and term_number = first_certain_term_number)
            or (not is_certain and term_number = first_term_number)
        )
        and (sen_start_date is null or (sen_start_date > year_start_after and sen_start_date <= as_at_date))
)

select * from newly_listed
