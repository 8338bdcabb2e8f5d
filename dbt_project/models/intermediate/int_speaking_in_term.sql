with speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

speaking_in_term as (
    -- a return of an earlier year knows of nothing that was done in the term
    select
        speaking_pupils.term,
        speaking_pupils.return_id,
        speaking_pupils.pupil_key,
        terms.previous_as_at_date,
        terms.as_at_date
    from speaking_pupils
    inner join terms
        on
            speaking_pupils.term = terms.term
            and speaking_pupils.academic_year = terms.academic_year
    where speaking_pupils.school_answered
)

select * from speaking_in_term
