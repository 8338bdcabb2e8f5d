{# One end of the Wilson 95 % interval of a rate: `side` is - for the lower end, + for the upper one; null without a unit.
   Wilson (1927), without continuity correction; z = 1.959964. The ends that are 0 and 1 exactly are said so. #}
{% macro wilson_bound(numerator, denominator, side) -%}
    {%- set z = '1.959963984540054' -%}
    {%- set n = denominator ~ '::double' -%}
    {%- set p = '(' ~ numerator ~ '::double / ' ~ denominator ~ ')' -%}
    case
        when {{ denominator }} = 0 then null
        {% if side == '-' -%}
            when {{ numerator }} = 0 then 0.0
        {%- else -%}
            when {{ numerator }} = {{ denominator }} then 1.0
        {%- endif %}
        else
            (
                {{ p }} + {{ z }} * {{ z }} / (2 * {{ n }})
                {{ side }} {{ z }} * sqrt(
                    {{ p }} * (1 - {{ p }}) / {{ n }} + {{ z }} * {{ z }} / (4 * {{ n }} * {{ n }})
                )
            ) / (1 + {{ z }} * {{ z }} / {{ n }})
    end
{%- endmacro %}
