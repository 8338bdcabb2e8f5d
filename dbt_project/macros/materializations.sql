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

{# A table of all terms, of which a build makes anew those of int_terms_to_build. The rows of the other terms that there are
   returns for stand as they were built; to compute them again for every term would be most of a term's time. Those of the
   terms that are closed (what they rest on is past its retention) are in the schema `kept`, which a new table begins with. #}
{% materialization by_term, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='table') -%}
    {%- set terms = api.Relation.create(database=this.database, schema='intermediate', identifier='int_terms') -%}
    {%- set terms_to_build = terms.incorporate(path={'identifier': 'int_terms_to_build'}) -%}
    {%- set closed_terms = terms.incorporate(path={'schema': 'ledger', 'identifier': 'closed_terms'}) -%}
    {% do drop_unless_of_type('table') %}
    {%- set some_stand = load_cached_relation(this) is not none and run_query(
        'select 1 from ' ~ terms ~ ' where term not in (select term from ' ~ terms_to_build ~ ')'
        ~ ' and term not in (select term from ' ~ closed_terms ~ ') limit 1'
    ) | length > 0 -%}
    {% call statement('main') -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
        {% if some_stand %}
            delete from {{ relation }}
            where
                term in (select term from {{ terms_to_build }})
                or term not in (select term from {{ terms }});
        {% else %}
            -- also where its columns are others than they were: then every term is built
            create or replace table {{ relation }} {{ get_table_columns_and_constraints() }};
        {% endif %}
        insert into {{ relation }} {{ get_column_names() }} (
            select * from ({{ get_select_subquery(compiled_code) }}) as built
            where built.term in (select term from {{ terms_to_build }})
        );
        {%- set kept = none if some_stand else adapter.get_relation(this.database, 'kept', this.identifier) %}
        {% if kept is not none %}
            -- a column that the table has got since is not known of these terms
            insert into {{ relation }} by name
            select columns(column_name -> column_name in ('{{ model.columns.keys() | join("', '") }}')) from {{ kept }};
        {% endif %}
    {%- endcall %}
    {{ adapter.commit() }}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}
