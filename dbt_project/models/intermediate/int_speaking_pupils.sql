with speaking_returns as (select * from {{ ref('int_speaking_returns') }}),

pupil_rows as (select * from {{ ref('int_pupil_rows') }}),

terms as (select * from {{ ref('int_terms') }}),

listed as (
    select
        pupil_rows.return_id,
        pupil_rows.pupil_key,
        pupil_rows.entry_date,
        pupil_rows.leaving_date,
        pupil_rows.leaving_date_unreadable,
        lead(terms.term_number) over (
            partition by pupil_rows.urn, pupil_rows.academic_year, pupil_rows.pupil_key
            order by terms.term_number asc nulls last
        ) as next_listed_term_number
    from pupil_rows
    inner join terms on pupil_rows.term = terms.term
),

speaking as (
    select
        speaking_returns.term,
        speaking_returns.urn,
        speaking_returns.academic_year,
        listed.pupil_key,
        speaking_returns.return_id,
        speaking_returns.return_term_number,
        speaking_returns.is_newest_of_year,
        speaking_returns.school_answered,
        speaking_returns.listed_until,
        listed.entry_date,
        listed.leaving_date,
        listed.leaving_date_unreadable
    from speaking_returns
    inner join listed on speaking_returns.return_id = listed.return_id
    inner join terms on speaking_returns.term = terms.term
    where
        speaking_returns.is_newest_of_year
        -- a pupil whom the year's newest return no longer lists was removed, and is gone, unless known to have left:
        -- then what the school sent about them before still counts
        or (
            listed.leaving_date <= terms.as_at_date
            and coalesce(listed.next_listed_term_number > terms.term_number, true)
        )
)

select * from speaking
