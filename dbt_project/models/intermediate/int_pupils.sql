with speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

pupil_rows as (select * from {{ ref('int_pupil_rows') }}),

newest_of_all_years as (
    select *
    from speaking_pupils
    qualify row_number() over (partition by term, urn, pupil_key order by return_term_number desc nulls last) = 1
),

described as (
    select
        newest_of_all_years.term,
        newest_of_all_years.urn,
        newest_of_all_years.pupil_key,
        newest_of_all_years.school_answered,
        newest_of_all_years.entry_date,
        newest_of_all_years.leaving_date,
        newest_of_all_years.leaving_date_unreadable,
        pupil_rows.sen_start_date,
        pupil_rows.parents_informed_date,
        pupil_rows.parents_informed_date_unreadable,
        pupil_rows.young_person_informed_date,
        pupil_rows.young_person_informed_date_unreadable
    from newest_of_all_years
    inner join pupil_rows
        on
            newest_of_all_years.return_id = pupil_rows.return_id
            and newest_of_all_years.pupil_key = pupil_rows.pupil_key
)

select * from described
