{# The rows of one table of the return that count: of the current returns, less the quarantined ones. Adds the return's
   urn, term and academic_year (as return_urn, return_term, return_academic_year). #}
{% macro accepted_rows(table_name) %}
    select
        received.*,
        returns.academic_year as return_academic_year
    from {{ source('raw', table_name) }} as received
    inner join {{ source('ledger', 'returns') }} as returns
        on
            received.return_id = returns.return_id
            and returns.state = 'current'
    where not exists (
        select 1
        from {{ source('quality', 'quarantined_rows') }} as quarantined
        where
            quarantined.return_id = received.return_id
            and quarantined.table_name = '{{ table_name }}'
            and quarantined.row_number = received.row_number
    )
{% endmacro %}
