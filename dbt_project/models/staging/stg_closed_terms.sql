with closed_terms as (select * from {{ source('ledger', 'closed_terms') }})

select term from closed_terms
