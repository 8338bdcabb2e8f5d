with calendar_terms as (select * from {{ ref('int_calendar_terms') }}),

returns as (select * from {{ ref('stg_all_returns') }}),

closed_terms as (select * from {{ ref('stg_closed_terms') }}),

contract_versions as (select * from {{ ref('contract_versions') }}),

with_returns as (
    select
        min(calendar_terms.term_number) as first_term_number,
        max(calendar_terms.term_number) as last_term_number
    from returns
    inner join calendar_terms on returns.term = calendar_terms.term
    -- a file of a year that has no returns yet, or none any more, was turned away: it makes no term of missing schools
    where
        exists (
            select 1
            from contract_versions
            where contract_versions.academic_year = calendar_terms.academic_year
        )
),

terms as (
    select
        calendar_terms.*,
        closed_terms.term is not null as is_closed
    from calendar_terms
    inner join with_returns
        on calendar_terms.term_number between with_returns.first_term_number and with_returns.last_term_number
    left join closed_terms on calendar_terms.term = closed_terms.term
)

select * from terms
