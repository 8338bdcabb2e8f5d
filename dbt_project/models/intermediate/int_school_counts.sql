{% set group_types = ['provision', 'need', 'sex', 'phase', 'looked_after', 'top_up'] %}

with units as (select * from {{ ref('int_indicator_units') }}),

pupil_groups as (select * from {{ ref('int_groups') }}),

duties as (select * from {{ ref('int_school_duties') }}),

units_of_pupils as (
    select
        units.indicator_id,
        units.term,
        units.urn,
        units.is_met,
        {% for group_type in group_types %}
            pupil_groups.{{ group_type }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from units
    left join pupil_groups
        on
            units.term = pupil_groups.term
            and units.urn = pupil_groups.urn
            and units.pupil_key = pupil_groups.pupil_key
),

-- one pass over the units, whatever the number of groups
counted as (
    select
        indicator_id,
        term,
        urn,
        case
            {% for group_type in group_types %}
                when grouping({{ group_type }}) = 0 then '{{ group_type }}'
            {% endfor %}
            else 'all'
        end as group_type,
        case
            {% for group_type in group_types %}
                when grouping({{ group_type }}) = 0 then {{ group_type }}
            {% endfor %}
            else 'all'
        end as group_value,
        count(*) filter (where is_met) as numerator,
        count(is_met) as denominator,
        count(*) - count(is_met) as unknown
    from units_of_pupils
    group by grouping sets (
        (indicator_id, term, urn),
        {% for group_type in group_types %}
            (indicator_id, term, urn, {{ group_type }}){% if not loop.last %},{% endif %}
        {% endfor %}
    )
),

-- a school that sent its return has a row for `all`, with or without a unit
nothing_yet as (
    select
        indicator_id,
        term,
        urn,
        'all' as group_type,
        'all' as group_value,
        0 as numerator,
        0 as denominator,
        0 as unknown
    from duties
    where has_return
),

united as (
    select * from counted
    where group_value is not null
    union all
    select * from nothing_yet
),

summed as (
    select
        indicator_id,
        term,
        urn,
        group_type,
        group_value,
        sum(numerator)::bigint as numerator,
        sum(denominator)::bigint as denominator,
        sum(unknown)::bigint as unknown
    from united
    group by all
)

select * from summed
