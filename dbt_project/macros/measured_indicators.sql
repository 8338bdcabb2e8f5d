{# Indicators that are a median, an amount or a count of a profile, and no share of units: they have no model of units, and
   their figures are int_measured_figures. #}
{% macro measured_indicators() -%}
    'NPR03', 'RES01', 'OUT01'
{%- endmacro %}
