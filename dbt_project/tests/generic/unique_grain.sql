{# The columns together are the grain: no two rows share them. #}
{% test unique_grain(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as rows_found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
