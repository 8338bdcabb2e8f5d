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
    -- a join to the few, where `not exists` would make every row distinct first
    left join (
        select distinct
            return_id,
            row_number
        from {{ source('quality', 'quarantined_rows') }}
        where table_name = '{{ table_name }}'
    ) as quarantined
        on
            received.return_id = quarantined.return_id
            and received.row_number = quarantined.row_number
    where quarantined.return_id is null
{% endmacro %}
