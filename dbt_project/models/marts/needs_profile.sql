{{ config(materialized='by_term') }}

with needs_profile as (select * from {{ ref('int_needs_profile') }}),

places as (select * from {{ ref('int_measured_places') }})

select
    needs_profile.term,
    places.area_type,
    places.area_code,
    needs_profile.provision,
    needs_profile.need,
    needs_profile.year_group,
    needs_profile.sex,
    sum(needs_profile.pupils)::bigint as pupils,
    needs_profile.source
from needs_profile
inner join places
    on
        needs_profile.term = places.term
        and needs_profile.urn = places.urn
        and places.indicator_id = 'OUT01'
group by all
