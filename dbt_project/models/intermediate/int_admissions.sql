{% set not_counted_reasons = "('PARENTS_DECLINED', 'PLAN_AMENDED', 'AWAITING_TRANSPORT')" %}

with facts as (select * from {{ ref('int_admission_facts') }}),

stood as (
    select
        *,
        case
            when is_not_in_la_data then 'in_return_not_in_la_data'
            -- what an earlier return says of the roll stays true of a school that is silent now
            when was_on_roll then 'already_on_roll'
            -- a plan that has ceased names no school any longer
            when has_ceased and not has_return then 'left_out'
            when not has_return or due_date_unreadable then 'not_known'
            when admitted_on <= due_date then 'admitted_on_time'
            when admitted_on > due_date then 'admitted_late'
            when has_ceased then 'left_out'
            when coalesce(due_date > as_at_date, true) then 'not_yet_due'
            when admitted_date_unreadable or was_on_roll is null or is_in_row_not_counted then 'not_known'
            when not_admitted_reason in {{ not_counted_reasons }} then 'left_out'
            when not_admitted_reason_unreadable then 'not_known'
            when not is_in_placements then 'named_by_la_absent_from_return'
            else 'due_and_not_admitted'
        end as standing
    from facts
),

admissions as (
    select
        term,
        urn,
        pupil_key,
        named_date,
        concat(pupil_key, ':', cast(named_date as varchar)) as unit_id,
        standing,
        case when standing not in ('already_on_roll', 'in_return_not_in_la_data') then due_date end as due_date,
        case when standing not in ('already_on_roll', 'in_return_not_in_la_data') then due_date_source end
            as due_date_source,
        case when standing in ('admitted_on_time', 'admitted_late') then admitted_on end as admitted_date,
        case when standing in ('admitted_on_time', 'admitted_late') then admitted_date_source end
            as admitted_date_source,
        named_date_source,
        case
            when standing = 'admitted_late' then {{ dbt.datediff('due_date', 'admitted_on', 'day') }}
            when standing in ('due_and_not_admitted', 'named_by_la_absent_from_return')
                then {{ dbt.datediff('due_date', 'as_at_date', 'day') }}
        end as days_late,
        case
            when standing = 'not_known' and not has_return then 'NO_RETURN'
            when standing = 'not_known' then 'NOT_READABLE'
            when standing = 'left_out' and has_ceased then 'PLAN_CEASED'
            when standing in ('due_and_not_admitted', 'left_out', 'admitted_late', 'not_yet_due')
                then not_admitted_reason
        end as reason,
        -- an admission that counts: of a pupil who was not on the roll, not left out, due by the as-at date
        standing not in ('already_on_roll', 'in_return_not_in_la_data', 'left_out', 'not_yet_due')
        and coalesce(due_date <= as_at_date, false) as is_due,
        coalesce(due_date > previous_as_at_date, true) as is_due_after_previous_term
    from stood
)

select * from admissions
