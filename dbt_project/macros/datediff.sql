{# Between dates, in one line: dbt-duckdb's own casts to timestamps, and breaks the line that it stands in. #}
{% macro duckdb__datediff(first_date, second_date, datepart) -%}
    date_diff('{{ datepart }}', {{ first_date }}, {{ second_date }})
{%- endmacro %}
