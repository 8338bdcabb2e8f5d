with speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

pupils as (select * from {{ ref('stg_pupils') }}),

newest_of_all_years as (
    select *
    from speaking_pupils
    qualify row_number() over (partition by term, urn, pupil_key order by academic_year desc nulls last) = 1
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
        pupils.sen_start_date,
        pupils.parents_informed_date,
        pupils.parents_informed_date_unreadable,
        pupils.young_person_informed_date,
        pupils.young_person_informed_date_unreadable
    from newest_of_all_years
    inner join pupils
        on
            newest_of_all_years.return_id = pupils.return_id
            and newest_of_all_years.row_number = pupils.row_number
)

select * from described
