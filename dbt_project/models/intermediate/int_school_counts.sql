{% set group_types = ['provision', 'need', 'sex', 'phase', 'looked_after', 'top_up'] %}

with units as (select * from {{ ref('int_indicator_units') }}),

pupil_groups as (select * from {{ ref('int_groups') }}),

duties as (select * from {{ ref('int_school_duties') }}),

-- a unit counts in `all`, and in every group of the pupil's row in the school's return of the term
units_in_groups as (
    select
        units.indicator_id,
        units.term,
        units.urn,
        {% for group_type in group_types %}
            pupil_groups.{{ group_type }},
        {% endfor %}
        units.is_met
    from units
    left join pupil_groups
        on
            units.term = pupil_groups.term
            and units.urn = pupil_groups.urn
            and units.pupil_key = pupil_groups.pupil_key
),

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
    from units_in_groups
    group by
        -- sqlfluff's grammar of DuckDB has no grouping sets
        grouping sets ( -- noqa: PRS, LT02
            (indicator_id, term, urn),
            {% for group_type in group_types %}
                (indicator_id, term, urn, {{ group_type }}){% if not loop.last %},{% endif %}
            {% endfor %}
        )
),

-- a school that sent its return has a row for `all`, with or without a unit
nothing_yet as (
    select
        duties.indicator_id,
        duties.term,
        duties.urn,
        'all' as group_type,
        'all' as group_value,
        0 as numerator,
        0 as denominator,
        0 as unknown
    from duties
    left join counted
        on
            duties.indicator_id = counted.indicator_id
            and duties.term = counted.term
            and duties.urn = counted.urn
            and counted.group_type = 'all'
    where
        duties.has_return
        and counted.indicator_id is null
),

united as (
    -- without a group value the unit's pupil is in no group of the type
    select * from counted
    where group_value is not null
    union all
    select * from nothing_yet
)

select * from united
