with speaking_returns as (select * from {{ ref('int_speaking_returns') }}),

pupils as (select * from {{ ref('stg_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

listed as (
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
),

removed_or_left as (
    -- a pupil whom the year's newest return no longer lists was removed, and is gone, unless known to have left: then
    -- what the school sent about them before still counts
    select listed.*
    from listed
    inner join terms on listed.term = terms.term
    where not listed.is_newest_of_year and listed.leaving_date <= terms.as_at_date
),

left_unlisted as (
    select removed_or_left.*
    from removed_or_left
    left join listed as listed_later
        on
            removed_or_left.term = listed_later.term
            and removed_or_left.urn = listed_later.urn
            and removed_or_left.academic_year = listed_later.academic_year
            and removed_or_left.pupil_key = listed_later.pupil_key
            and removed_or_left.return_term_number < listed_later.return_term_number
    where listed_later.pupil_key is null
),

speaking as (
    select *
    from listed
    where is_newest_of_year
    union all
    select *
    from left_unlisted
),

one_row_each as (
    -- a child listed under both the UPN and the former one is one child: the first row speaks
    select *
    from speaking
    qualify
        row_number() over (
            partition by term, urn, academic_year, pupil_key
            order by return_term_number desc nulls last, row_number asc nulls last
        ) = 1
)

select * from one_row_each
