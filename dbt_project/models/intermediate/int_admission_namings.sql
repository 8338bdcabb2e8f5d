with la_plans as (select * from {{ ref('int_admission_plans') }}),

placements as (select * from {{ ref('int_admission_placements') }}),

every_la_plan as (select * from {{ ref('stg_ehc_plans') }}),

la_file as (select count(*) > 0 as is_there from every_la_plan),

-- matched by pupil and school; of several placements the one that was named nearest to the LA's date
named_by_la as (
    select
        la_plans.*,
        placements.named_date is not null as is_in_placements,
        placements.expected_start_date as expected_by_school,
        placements.expected_start_date_unreadable,
        placements.admitted_date,
        placements.admitted_date_unreadable,
        placements.not_admitted_reason,
        placements.not_admitted_reason_unreadable
    from la_plans
    left join placements
        on
            la_plans.term = placements.term
            and la_plans.urn = placements.urn
            and la_plans.pupil_key = placements.pupil_key
    qualify row_number() over (
            partition by la_plans.term, la_plans.urn, la_plans.pupil_key, la_plans.named_date
            order by
                abs({{ dbt.datediff('la_plans.named_date', 'placements.named_date', 'day') }}) asc nulls last,
                placements.named_date desc nulls last
        ) = 1
),

named_by_school_alone as (
    select placements.*
    from placements
    where not exists (
            select 1
            from every_la_plan
            where
                every_la_plan.urn = placements.urn
                and every_la_plan.pupil_key = placements.pupil_key
        )
),

united as (
    select
        term,
        urn,
        pupil_key,
        named_date,
        'la' as named_date_source,
        false as is_not_in_la_data,
        is_in_placements,
        phase_transfer,
        has_ceased,
        coalesce(expected_start_date, expected_by_school) as expected_start_date,
        case
            when expected_start_date is not null then 'la'
            when expected_by_school is not null then 'school'
        end as expected_start_date_source,
        expected_start_date is null and coalesce(expected_start_date_unreadable, false) as due_date_unreadable,
        admitted_date,
        coalesce(admitted_date_unreadable, false) as admitted_date_unreadable,
        not_admitted_reason,
        coalesce(not_admitted_reason_unreadable, false) as not_admitted_reason_unreadable
    from named_by_la
    union all
    select
        named_by_school_alone.term,
        named_by_school_alone.urn,
        named_by_school_alone.pupil_key,
        named_by_school_alone.named_date,
        'school' as named_date_source,
        -- where the LA's file is there, only its plans count
        la_file.is_there as is_not_in_la_data,
        true as is_in_placements,
        false as phase_transfer,
        false as has_ceased,
        named_by_school_alone.expected_start_date,
        case when named_by_school_alone.expected_start_date is not null then 'school' end as expected_start_date_source,
        named_by_school_alone.expected_start_date_unreadable as due_date_unreadable,
        named_by_school_alone.admitted_date,
        named_by_school_alone.admitted_date_unreadable,
        named_by_school_alone.not_admitted_reason,
        named_by_school_alone.not_admitted_reason_unreadable
    from named_by_school_alone
    cross join la_file
)

select * from united
