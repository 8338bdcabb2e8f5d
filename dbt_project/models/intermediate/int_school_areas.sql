with schools as (select * from {{ ref('int_schools_of_la') }}),

areas as (
    select
        urn,
        'la' as area_type,
        la_code as area_code
    from schools
    union all
    select
        urn,
        'phase' as area_type,
        phase as area_code
    from schools
    union all
    select
        urn,
        'trust' as area_type,
        trust_code as area_code
    from schools
)

select * from areas
where area_code is not null and area_code <> ''
