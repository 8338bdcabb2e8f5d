{% set indicators = [
    'rev01', 'rev02', 'rev03', 'rev04', 'rev05', 'rev06', 'rev07', 'rev08', 'par01', 'par02', 'par03',
    'asm01', 'pln01', 'pln02', 'pln03', 'pln04', 'tgt01', 'do01', 'do02', 'do03', 'prg01', 'npr01', 'npr02',
    'npr04', 'npr05', 'agy01', 'ehc01', 'ehc02', 'ehc03', 'ehc04', 'ehc05', 'sch01', 'sch02', 'sch03',
    'sch04', 'sch05', 'sch06', 'sch07', 'sch08', 'sch09', 'sch10', 'sch11', 'sch12', 'sch13', 'sch14',
    'sch15', 'sch16', 'sch17', 'med01', 'rec01', 'lac01', 'trn01'
] %}

with every_unit as (
    {% for indicator in indicators %}
        select
            indicator_id,
            term,
            urn,
            pupil_key,
            unit_id,
            is_met
        from {{ ref(indicator) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

duties as (select * from {{ ref('int_school_duties') }}),

definitions as (select * from {{ ref('int_indicator_definitions') }}),

units as (
    select
        every_unit.indicator_id,
        every_unit.urn,
        every_unit.term,
        every_unit.pupil_key,
        every_unit.unit_id,
        every_unit.is_met
    from every_unit
    inner join duties
        on
            every_unit.term = duties.term
            and every_unit.urn = duties.urn
            and every_unit.indicator_id = duties.indicator_id
    inner join definitions
        on
            every_unit.term = definitions.term
            and every_unit.indicator_id = definitions.indicator_id
    -- what earlier returns say of a missing school would look like an answer
    where duties.has_return or (duties.is_due and definitions.when_missing <> 'left_out')
)

select * from units
