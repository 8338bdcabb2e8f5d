{# The rows of a mart that this build has made: those of the terms that stand were tested when they were. #}
{% macro built_now(mart) %}
    select * from {{ ref(mart) }}
    where term in (select term from {{ ref('int_terms_to_build') }})
{% endmacro %}
