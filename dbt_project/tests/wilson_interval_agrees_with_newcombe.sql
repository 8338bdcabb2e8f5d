-- Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3 (Wilson's score without
-- continuity correction), to four places; the ends at 0 and 1 exactly
with published as (
    select
        81 as numerator,
        263 as denominator,
        0.2553 as lower_95,
        0.3662 as upper_95
    union all
    select
        15 as numerator,
        148 as denominator,
        0.0624 as lower_95,
        0.1605 as upper_95
    union all
    select
        0 as numerator,
        20 as denominator,
        0.0 as lower_95,
        0.1611 as upper_95
    union all
    select
        1 as numerator,
        29 as denominator,
        0.0061 as lower_95,
        0.1718 as upper_95
    union all
    select
        29 as numerator,
        29 as denominator,
        0.8830 as lower_95,
        1.0 as upper_95
),

calculated as (
    select
        *,
        {{ wilson_bound('numerator', 'denominator', '-') }} as calculated_lower,
        {{ wilson_bound('numerator', 'denominator', '+') }} as calculated_upper
    from published
)

select * from calculated
where
    abs(calculated_lower - lower_95) > 0.00005
    or abs(calculated_upper - upper_95) > 0.00005
    or (numerator = 0 and calculated_lower <> 0)
    or (numerator = denominator and calculated_upper <> 1)
