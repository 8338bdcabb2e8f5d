with schools as (select * from {{ ref('int_schools_of_la') }}),

terms as (select * from {{ ref('int_terms_to_build') }}),

returns as (select * from {{ ref('stg_returns') }}),

school_terms as (
    select
        terms.term,
        schools.urn,
        terms.as_at_date,
        -- by the as-at date, so that a term that is built again later finds the schools that were open then
        case
            when coalesce(schools.open_date > terms.as_at_date, false) then false
            when schools.is_open then true
            else coalesce(schools.gias_status = 'Closed' and schools.close_date > terms.as_at_date, false)
        end as is_open,
        returns.return_id is not null as has_return
    from schools
    cross join terms
    left join returns
        on
            schools.urn = returns.urn
            and terms.term = returns.term
)

select * from school_terms
where is_open or has_return
