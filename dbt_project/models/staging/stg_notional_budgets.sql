with notional_budgets as (select * from {{ source('reference', 'notional_budgets') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

-- a school that converted within a financial year had its budget under both its URNs
of_lines as (
    select
        coalesce(lines.line_urn, notional_budgets.urn) as urn,
        notional_budgets.financial_year,
        sum(notional_budgets.amount) as amount
    from notional_budgets
    left join lines on notional_budgets.urn = lines.urn
    group by all
)

select
    urn,
    financial_year,
    cast(amount as decimal(14, 2)) as amount
from of_lines
