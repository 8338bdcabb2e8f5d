{# No row is without one of the columns. #}
{% test never_null(model, columns) %}

select {{ columns | join(', ') }}
from {{ model }}
where
    {% for column in columns %}
        {{ column }} is null{% if not loop.last %} or{% endif %}
    {% endfor %}

{% endtest %}
