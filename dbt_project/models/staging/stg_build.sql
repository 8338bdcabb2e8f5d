with build as (select * from {{ source('ledger', 'build') }})

select first_term from build
