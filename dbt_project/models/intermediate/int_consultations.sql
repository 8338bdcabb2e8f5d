with speaking_returns as (select * from {{ ref('int_speaking_returns') }}),

consultations as (select * from {{ ref('stg_consultations') }}),

speaking as (
    -- the pupil need not be on the school's register. Of the years' returns that list the key, the newest speaks
    select
        speaking_returns.term,
        consultations.urn,
        consultations.pupil_key,
        consultations.consulted_date,
        consultations.responded_date,
        consultations.responded_date_unreadable,
        speaking_returns.school_answered
    from speaking_returns
    inner join consultations on speaking_returns.return_id = consultations.return_id
    where speaking_returns.is_newest_of_year
    qualify row_number() over (
            partition by
                speaking_returns.term, consultations.urn, consultations.pupil_key, consultations.consulted_date
            order by speaking_returns.return_term_number desc nulls last, consultations.row_number asc nulls last
        ) = 1
)

select * from speaking
