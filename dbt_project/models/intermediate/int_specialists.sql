with specialists as (select * from {{ ref('stg_specialists') }}),

speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

speaking as (
    -- of the years' returns that list the key, the newest speaks
    select
        speaking_pupils.term,
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
        specialists.status,
        speaking_pupils.listed_until
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
)

select * from speaking
