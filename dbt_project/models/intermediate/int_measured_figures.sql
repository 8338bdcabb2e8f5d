with places as (select * from {{ ref('int_measured_places') }}),

definitions as (select * from {{ ref('int_indicator_definitions') }}),

waiting_times as (select * from {{ ref('int_waiting_times') }}),

amounts as (select * from {{ ref('int_amounts') }}),

needs_profile as (select * from {{ ref('int_needs_profile') }}),

-- in whole pounds, so that areas are the sums of what is shown of their schools
of_schools as (
    select
        'RES01' as indicator_id,
        term,
        urn,
        case when both_known then round(expenditure)::bigint else 0 end as numerator,
        case when both_known then round(notional_budget)::bigint else 0 end as denominator,
        case when both_known then 0 else 1 end as unknown
    from amounts
    union all
    select
        'OUT01' as indicator_id,
        term,
        urn,
        coalesce(sum(pupils) filter (where provision in ('K', 'E')), 0) as numerator,
        sum(pupils) as denominator,
        0 as unknown
    from needs_profile
    group by term, urn
),

added_up as (
    select
        places.indicator_id,
        places.area_type,
        places.area_code,
        places.term,
        coalesce(sum(of_schools.numerator) filter (where places.is_counted), 0)::bigint as numerator,
        coalesce(sum(of_schools.denominator) filter (where places.is_counted), 0)::bigint as denominator,
        coalesce(sum(of_schools.unknown) filter (where places.is_counted), 0)::bigint as unknown,
        min(places.applies_as) as applies_as,
        count(*) filter (where places.is_counted) as schools_counted,
        count(*) filter (where places.is_missing) as schools_missing
    from places
    left join of_schools
        on
            places.indicator_id = of_schools.indicator_id
            and places.term = of_schools.term
            and places.urn = of_schools.urn
    group by places.indicator_id, places.area_type, places.area_code, places.term
),

measured as (
    select
        added_up.indicator_id,
        added_up.area_type,
        added_up.area_code,
        added_up.term,
        added_up.numerator + coalesce(waiting_times.seen, 0) as numerator,
        added_up.denominator + coalesce(waiting_times.referrals, 0) as denominator,
        added_up.unknown + coalesce(waiting_times.unknown, 0) as unknown,
        waiting_times.median_days,
        added_up.applies_as,
        added_up.schools_counted,
        added_up.schools_missing
    from added_up
    left join waiting_times
        on
            added_up.indicator_id = 'NPR03'
            and added_up.area_type = waiting_times.area_type
            and added_up.area_code = waiting_times.area_code
            and added_up.term = waiting_times.term
            and waiting_times.service = 'all'
)

select
    measured.*,
    definitions.target,
    definitions.unit,
    case definitions.unit
        when 'days' then measured.median_days::double
        when 'count' then measured.numerator::double
        else measured.numerator::double / nullif(measured.denominator, 0)
    end as value
from measured
inner join definitions
    on
        measured.term = definitions.term
        and measured.indicator_id = definitions.indicator_id
where measured.area_type = 'school' or measured.denominator + measured.unknown > 0
