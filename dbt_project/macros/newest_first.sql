{# Of the rows of several returns those of the newest first, and of one return's in the order of its rows: as one number,
   for with a single column to order by DuckDB picks a row a key by hashing, and needs no sort. #}
{% macro newest_first(return_term_number, row_number) -%}
    {{ return_term_number }} * 10000000 - {{ row_number }} desc nulls last
{%- endmacro %}
