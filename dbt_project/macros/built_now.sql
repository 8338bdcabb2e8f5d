{# The rows of a mart that this build has made: those of the terms that stand were tested when they were. It names no model
   but the mart, for else a test would run wherever the terms to build are built alone. #}
{% macro built_now(mart) %}
    select * from {{ ref(mart) }}
    where term in (select term from {{ target.database }}.intermediate.int_terms_to_build)
{% endmacro %}
