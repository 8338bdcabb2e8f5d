with schools as (select * from {{ source('reference', 'schools') }}),

lines as (select * from {{ ref('stg_school_lines') }}),

-- a school is as old as the oldest of its line; one that GIAS gives no date has always been there
opened as (
    select
        lines.line_urn,
        min(schools.open_date) as open_date,
        bool_or(schools.open_date is null) as is_always
    from lines
    inner join schools on lines.urn = schools.urn
    group by lines.line_urn
)

select
    schools.urn,
    schools.la_code,
    schools.la_name,
    schools.establishment_number,
    schools.laestab,
    schools.name,
    schools.type_code,
    schools.type,
    schools.type_group_code,
    schools.type_group,
    schools.status_code,
    schools.status,
    case
        when opened.is_always then null
        else least(schools.open_date, coalesce(opened.open_date, schools.open_date))
    end as open_date,
    schools.close_date,
    schools.phase_code,
    schools.phase,
    schools.low_age,
    schools.high_age,
    schools.number_of_pupils,
    schools.trust_code,
    schools.trust,
    schools.federation_code,
    schools.federation,
    schools.section_41
from schools
left join opened on schools.urn = opened.line_urn
-- the earlier schools of a line are the newest one
where not exists (select 1 from lines where lines.urn = schools.urn)
