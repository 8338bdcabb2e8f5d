with comparators as (select * from {{ ref('stg_comparators') }}),

measures as (select * from {{ ref('comparator_measures') }}),

-- a figure that two releases give is the newer one's: a later release revises what an earlier one said
newest as (
    select
        comparators.release,
        comparators.time_period,
        comparators.area_type,
        comparators.area_code,
        comparators.area_name,
        comparators.measure,
        comparators.breakdown,
        comparators.numerator,
        comparators.denominator,
        comparators.value,
        comparators.symbol
    from comparators
    inner join measures on comparators.measure = measures.measure
    qualify row_number() over (
            partition by
                comparators.time_period,
                comparators.area_type,
                comparators.area_code,
                comparators.measure,
                comparators.breakdown
            -- their titles end with the year
            order by comparators.release desc nulls last
        ) = 1
)

select * from newest
