-- One row: a row that hangs on a row that is not counted (not_counted), and is not itself among those.
with pupils as (
    select
        received.return_id,
        received.identifier,
        min(received.row_number) as row_number,
        min_by(not_counted.rule_code, received.row_number) as rule_code
    from received_pupils as received
    inner join not_counted
        on
            received.return_id = not_counted.return_id
            and received.row_number = not_counted.row_number
            and not_counted.table_name = 'pupils'
    group by all
),

children as (
    select
        'plans' as table_name,
        return_id,
        row_number,
        upn,
        planned_date
    from raw.plans
    union all
    select
        'reviews',
        return_id,
        row_number,
        upn,
        planned_date
    from raw.reviews
    union all
    select
        'specialists',
        return_id,
        row_number,
        upn,
        null
    from raw.specialists
),

of_pupils as (
    select
        children.table_name,
        children.return_id,
        children.row_number,
        pupils.rule_code,
        'depends on row ' || pupils.row_number || ' of pupils' as reason
    from children
    inner join pupils on children.return_id = pupils.return_id and children.upn = pupils.identifier
),

plans as (
    select
        plans.return_id,
        plans.upn,
        plans.planned_date,
        min(plans.row_number) as row_number,
        min_by(not_counted.rule_code, plans.row_number) as rule_code
    from raw.plans as plans
    inner join not_counted
        on
            plans.return_id = not_counted.return_id
            and plans.row_number = not_counted.row_number
            and not_counted.table_name = 'plans'
    where plans.upn is not null and plans.planned_date is not null
    group by all
),

of_plans as (
    select
        children.table_name,
        children.return_id,
        children.row_number,
        plans.rule_code,
        'depends on row ' || plans.row_number || ' of plans' as reason
    from children
    inner join plans
        on
            children.return_id = plans.return_id
            and children.upn = plans.upn
            and children.planned_date = plans.planned_date
    where children.table_name = 'reviews'
),

dependants as (
    select
        *,
        1 as position
    from of_pupils
    union all
    select
        *,
        2 as position
    from of_plans
)

select
    return_id,
    table_name,
    row_number,
    rule_code,
    reason
from dependants
anti join not_counted using (return_id, table_name, row_number)
qualify row_number() over (partition by return_id, table_name, row_number order by position) = 1
order by return_id, table_name, row_number
