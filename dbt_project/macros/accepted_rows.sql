{# The rows of one table of the return that count: of the current returns, less the quarantined ones. Adds the return's
   academic_year (as return_academic_year), and gives the URN that the return is read as (return_urn). #}
{% macro accepted_rows(table_name) %}
    select
        received.* replace (returns.urn as return_urn),
        returns.academic_year as return_academic_year
    from {{ source('raw', table_name) }} as received
    inner join {{ ref('stg_all_returns') }} as returns
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
