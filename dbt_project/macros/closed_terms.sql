{# The terms whose figures stand as published (see stg_closed_terms), for tests of the project's own: they name no model, for
   else a test would run wherever a model that reads it is built alone. #}
{% macro closed_terms() -%}
    (select term from {{ target.database }}.ledger.closed_terms)
{%- endmacro %}
