with schools as (select * from {{ ref('stg_schools') }}),

schools_of_la as (
    select
        urn,
        laestab,
        name,
        la_code,
        phase,
        type,
        type_group,
        trust_code,
        trust,
        federation_code,
        federation,
        section_41,
        open_date,
        close_date,
        status as gias_status,
        coalesce(status in ('Open', 'Open, but proposed to close'), false) as is_open
    from schools
    where la_code = '{{ env_var("SEN_LA_CODE", "801") }}'
)

select * from schools_of_la
