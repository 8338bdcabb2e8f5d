with calendar_terms as (select * from {{ ref('int_calendar_terms') }}),

returns as (select * from {{ ref('stg_all_returns') }}),

with_returns as (
    select
        min(calendar_terms.term_number) as first_term_number,
        max(calendar_terms.term_number) as last_term_number
    from returns
    inner join calendar_terms on returns.term = calendar_terms.term
),

terms as (
    select calendar_terms.*
    from calendar_terms
    inner join with_returns
        on calendar_terms.term_number between with_returns.first_term_number and with_returns.last_term_number
)

select * from terms
