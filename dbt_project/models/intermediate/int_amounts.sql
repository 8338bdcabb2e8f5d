with arrangements as (select * from {{ ref('int_arrangements') }}),

terms as (select * from {{ ref('int_terms') }}),

budgets as (select * from {{ ref('stg_notional_budgets') }}),

register as (select * from {{ ref('int_register') }}),

on_register as (
    select
        term,
        urn,
        count(*) filter (where is_on_register) as pupils
    from register
    group by term, urn
),

-- the spending is that of the financial year (from 1 April) in which the school gave it, by its term's as-at date
spent as (
    select
        arrangements.term,
        arrangements.urn,
        arrangements.sen_expenditure,
        case
            when extract(month from terms.as_at_date) < 4 then extract(year from terms.as_at_date) - 1
            else extract(year from terms.as_at_date)
        end as begins_in
    from arrangements
    left join terms on arrangements.sent_in_term = terms.term
),

in_years as (
    select
        *,
        concat(cast(begins_in as varchar), '-', right(cast(begins_in + 1 as varchar), 2)) as financial_year
    from spent
),

amounts as (
    select
        in_years.term,
        in_years.urn,
        case when in_years.begins_in is not null then in_years.financial_year end as financial_year,
        in_years.sen_expenditure as expenditure,
        budgets.amount as notional_budget,
        coalesce(on_register.pupils, 0) as pupils,
        in_years.sen_expenditure is not null and coalesce(budgets.amount > 0, false) as both_known
    from in_years
    left join budgets
        on
            in_years.urn = budgets.urn
            and in_years.financial_year = budgets.financial_year
    left join on_register
        on
            in_years.term = on_register.term
            and in_years.urn = on_register.urn
)

select * from amounts
