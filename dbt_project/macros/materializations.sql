{# A table or view takes the place of the earlier one in one statement. dbt-duckdb builds it under another name, renames
   both and drops the earlier one: six statements, each with its macros and log lines, which cost more than most models. #}
{% materialization table, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='table') -%}
    {% do drop_unless_of_type('table') %}
    {% call statement('main') -%}
        {% if config.get('contract').enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
            create or replace table {{ relation }} {{ get_table_columns_and_constraints() }};
            insert into {{ relation }} {{ get_column_names() }} ({{ get_select_subquery(compiled_code) }});
        {% else %}
            create or replace table {{ relation }} as ({{ compiled_code }});
        {% endif %}
    {%- endcall %}
    {{ adapter.commit() }}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='view') -%}
    {% do drop_unless_of_type('view') %}
    {% call statement('main') -%}
        {% if config.get('contract').enforced %}
            {{ get_assert_columns_equivalent(compiled_code) }}
        {% endif %}
        create or replace view {{ relation }} as ({{ compiled_code }});
    {%- endcall %}
    {{ adapter.commit() }}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}

{% macro drop_unless_of_type(type) %}
    {%- set existing = load_cached_relation(this) -%}
    {% if existing is not none and existing.type != type %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
{% endmacro %}
