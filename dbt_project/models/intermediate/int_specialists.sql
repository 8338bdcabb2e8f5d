with specialists as (select * from {{ ref('stg_specialists') }}),

speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

speaking_returns as (select * from {{ ref('int_speaking_returns') }}),

terms as (select * from {{ ref('int_terms') }}),

newest_years as (
    select
        term,
        urn,
        max(academic_year) as academic_year
    from speaking_returns
    group by term, urn
),

speaking as (
    -- of the years' returns that list the key, the newest speaks
    select
        speaking_pupils.term,
        speaking_pupils.academic_year,
        speaking_pupils.return_term_number,
        specialists.urn,
        specialists.pupil_key,
        specialists.service,
        specialists.referred_date,
        specialists.first_contact_date,
        specialists.first_contact_date_unreadable,
        specialists.advice_date,
        specialists.advice_date_unreadable,
        specialists.ended_date,
        specialists.ended_date_unreadable,
        specialists.status
    from specialists
    inner join speaking_pupils
        on
            specialists.return_id = speaking_pupils.return_id
            and specialists.pupil_key = speaking_pupils.pupil_key
    qualify
        row_number() over (
            partition by
                speaking_pupils.term,
                specialists.urn,
                specialists.pupil_key,
                specialists.service,
                specialists.referred_date
            order by {{ newest_first('speaking_pupils.return_term_number', 'specialists.row_number') }}
        ) = 1
),

-- what is still open is carried into each new year's returns: where the school has sent one that does not, the referral
-- was open for as long as it was listed, and how it ended is not known. Else it would wait for ever
with_end_of_listing as (
    select
        speaking.*,
        case
            when speaking.academic_year < newest_years.academic_year then listed_in.as_at_date
        end as listed_until
    from speaking
    inner join newest_years
        on
            speaking.term = newest_years.term
            and speaking.urn = newest_years.urn
    left join terms as listed_in on speaking.return_term_number = listed_in.term_number
)

select * from with_end_of_listing
