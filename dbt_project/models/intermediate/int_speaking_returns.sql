with terms as (select * from {{ ref('int_terms_to_build') }}),

sent_for as (select * from {{ ref('int_terms') }}),

returns as (select * from {{ ref('stg_returns') }}),

returns_so_far as (
    select
        terms.term,
        terms.term_number,
        returns.urn,
        returns.academic_year,
        returns.return_id,
        sent_for.term as return_term,
        sent_for.term_number as return_term_number,
        sent_for.as_at_date as return_as_at_date,
        row_number() over (
            partition by terms.term, returns.urn, returns.academic_year
            order by sent_for.term_number desc nulls last
        ) as recency
    from returns
    inner join sent_for on returns.term = sent_for.term
    inner join terms on sent_for.term_number <= terms.term_number
),

speaking as (
    -- the newest return of school and academic year speaks; an older one of the year only for pupils who left (see
    -- int_speaking_pupils)
    select
        term,
        urn,
        academic_year,
        return_id,
        return_term,
        return_term_number,
        recency,
        recency = 1 as is_newest_of_year,
        max(return_term_number) over (partition by term, urn) = term_number as school_answered,
        -- what is still open is carried into each new year: what the returns of the next one do not list was open
        -- for as long as it was listed, and how it ended is not known. Else it would be open for ever
        case when academic_year < max(academic_year) over (partition by term, urn) then return_as_at_date end
            as listed_until
    from returns_so_far
)

select * from speaking
