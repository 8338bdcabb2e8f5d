with terms as (select * from {{ ref('int_terms') }}),

targets as (select * from {{ ref('stg_targets') }}),

parameters as (select * from {{ ref('stg_parameters') }}),

applies_to as (select * from {{ ref('stg_duty_applies_to') }}),

definitions as (select * from {{ ref('int_indicator_definitions') }}),

newest_term as (
    select max(as_at_date) as as_at_date from terms
),

indicator_ids as (
    select distinct indicator_id from definitions
),

said as (
    select
        indicator_id,
        'target' as what,
        1 as position,
        valid_from,
        set_by_la,
        concat('target ', cast(cast(100 * target as decimal(5, 1)) as varchar), '%') as words
    from targets
    union all
    select
        indicator_id,
        concat('kind ', school_kind) as what,
        2 as position,
        valid_from,
        set_by_la,
        concat(
            case applies_as
                when 'duty' then 'asked of '
                when 'good_practice' then 'good practice for '
                else 'not asked of '
            end,
            case when school_kind = 'all' then 'all schools' else concat('schools of the kind ', school_kind) end
        ) as words
    from applies_to
    union all
    select
        indicator_ids.indicator_id,
        concat('parameter ', parameters.parameter) as what,
        3 as position,
        parameters.valid_from,
        parameters.set_by_la,
        concat(cast(parameters.value as varchar), ' ', parameters.unit, ' (', parameters.meaning, ')') as words
    from parameters
    inner join indicator_ids
        on concat(';', parameters.indicators, ';') like concat('%;', indicator_ids.indicator_id, ';%')
),

in_force as (
    select said.*
    from said
    cross join newest_term
    where said.valid_from <= newest_term.as_at_date
    qualify row_number() over (
            partition by said.indicator_id, said.what order by said.valid_from desc nulls last
        ) = 1
),

set_by_la as (
    select
        indicator_id,
        string_agg(
            concat(words, ', from ', cast(valid_from as varchar)), '; '
            order by position asc nulls last, what asc nulls last
        ) as words
    from in_force
    where set_by_la
    group by indicator_id
)

select * from set_by_la
