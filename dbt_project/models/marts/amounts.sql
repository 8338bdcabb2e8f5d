{{ config(materialized='by_term') }}

with amounts as (select * from {{ ref('int_amounts') }})

select
    term,
    urn,
    financial_year,
    cast(expenditure as decimal(14, 2)) as expenditure,
    cast(notional_budget as decimal(14, 2)) as notional_budget,
    cast(expenditure as double) / cast(notional_budget as double) as share,
    pupils,
    cast(expenditure as double) / nullif(pupils, 0) as per_pupil
from amounts
where both_known
