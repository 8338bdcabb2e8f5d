{# The column holds one of the values in every row, and is never null. #}
{% test one_of(model, column_name, values) %}

select {{ column_name }}
from {{ model }}
where
    {{ column_name }} is null
    or {{ column_name }} not in ('{{ values | join("', '") }}')

{% endtest %}
