{% set tables = [
    'return', 'arrangements', 'pupils', 'plans', 'reviews', 'specialists', 'consultations', 'placements'
] %}

{% for table in tables %}
    select
        return_id,
        '{{ table }}' as table_name,
        count(*) as rows_received
    from {{ source('raw', table) }}
    group by return_id
    {% if not loop.last %}union all{% endif %}
{% endfor %}
