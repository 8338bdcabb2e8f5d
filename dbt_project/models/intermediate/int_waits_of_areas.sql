with waits as (select * from {{ ref('int_waits') }}),

places as (select * from {{ ref('int_measured_places') }}),

services as (
    select distinct
        service,
        service as counted_as
    from waits
    union all
    select distinct
        service,
        'all' as counted_as
    from waits
),

of_areas as (
    select
        waits.term,
        places.area_type,
        places.area_code,
        services.counted_as as service,
        waits.standing,
        waits.is_still_waiting,
        waits.days
    from waits
    inner join services on waits.service = services.service
    inner join places
        on
            waits.term = places.term
            and waits.urn = places.urn
            and places.indicator_id = 'NPR03'
            and places.is_counted
)

select * from of_areas
