with speaking_returns as (select * from {{ ref('int_speaking_returns') }}),

pupils as (select * from {{ ref('stg_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

newest_listing as (
    select
        speaking_returns.term,
        speaking_returns.urn,
        speaking_returns.academic_year,
        pupils.pupil_key,
        speaking_returns.return_id,
        speaking_returns.return_term_number,
        speaking_returns.is_newest_of_year,
        speaking_returns.school_answered,
        pupils.row_number,
        pupils.entry_date,
        pupils.leaving_date,
        pupils.leaving_date_unreadable
    from speaking_returns
    inner join pupils on speaking_returns.return_id = pupils.return_id
    qualify
        row_number() over (
            partition by speaking_returns.term, speaking_returns.urn, speaking_returns.academic_year, pupils.pupil_key
            order by speaking_returns.return_term_number desc nulls last, pupils.row_number asc nulls last
        ) = 1
),

speaking_pupils as (
    -- a pupil whom the year's newest return no longer lists was removed, and is gone, unless known to have left: then
    -- what the school sent about them before still counts
    select newest_listing.*
    from newest_listing
    inner join terms on newest_listing.term = terms.term
    where
        newest_listing.is_newest_of_year
        or newest_listing.leaving_date <= terms.as_at_date
)

select * from speaking_pupils
