with speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

calendar_terms as (select * from {{ ref('int_calendar_terms') }}),

terms_of_the_year as (
    select
        terms.term,
        one_of_three.academic_year,
        one_of_three.term_number,
        one_of_three.as_at_date,
        one_of_three.previous_as_at_date
    from terms
    -- a term for which nobody sent a return may still be reached by a later return of its year
    inner join calendar_terms as one_of_three
        on one_of_three.term_number between terms.term_number - 2 and terms.term_number
),

on_roll as (
    -- a return reaches the terms of its own academic year up to the one that it was sent for
    select distinct
        speaking_pupils.term,
        speaking_pupils.pupil_key,
        terms_of_the_year.term_number
    from speaking_pupils
    inner join terms_of_the_year
        on
            speaking_pupils.term = terms_of_the_year.term
            and speaking_pupils.academic_year = terms_of_the_year.academic_year
            and speaking_pupils.return_term_number >= terms_of_the_year.term_number
    where
        speaking_pupils.entry_date <= terms_of_the_year.as_at_date
        and not speaking_pupils.leaving_date_unreadable
        and (
            speaking_pupils.leaving_date is null
            or speaking_pupils.leaving_date > terms_of_the_year.previous_as_at_date
        )
),

counted as (
    select
        term,
        pupil_key,
        count(*) as terms_covered
    from on_roll
    group by term, pupil_key
),

coverage as (
    select
        term,
        pupil_key,
        terms_covered,
        terms_covered = 3 as year_is_covered
    from counted
)

select * from coverage
