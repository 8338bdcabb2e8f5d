with school_terms as (select * from {{ ref('int_school_terms') }}),

terms as (select * from {{ ref('int_calendar_terms') }}),

census_pupils as (select * from {{ ref('stg_census_pupils') }}),

census_needs as (select * from {{ ref('stg_census_needs') }}),

register as (select * from {{ ref('int_register') }}),

censuses as (
    select distinct
        census_pupils.urn,
        census_pupils.census_term,
        terms.academic_year,
        terms.term_number
    from census_pupils
    inner join terms on census_pupils.census_term = terms.term
),

-- the newest census of the year up to the term
newest_census as (
    select
        school_terms.term,
        school_terms.urn,
        censuses.census_term,
        censuses.term_number
    from school_terms
    inner join terms on school_terms.term = terms.term
    left join censuses
        on
            school_terms.urn = censuses.urn
            and terms.academic_year = censuses.academic_year
            and terms.term_number >= censuses.term_number
    where school_terms.has_return
    qualify row_number() over (
            partition by school_terms.term, school_terms.urn order by censuses.term_number desc nulls last
        ) = 1
),

-- types of need are asked in the spring census alone: the newest that the school gave for the pupil up to then
primary_needs as (
    select
        newest_census.term,
        newest_census.urn,
        census_needs.pupil_key,
        census_needs.sen_type
    from newest_census
    inner join census_needs on newest_census.urn = census_needs.urn
    inner join terms on census_needs.census_term = terms.term
    where census_needs.rank = 1 and newest_census.term_number >= terms.term_number
    qualify row_number() over (
            partition by newest_census.term, newest_census.urn, census_needs.pupil_key
            order by terms.term_number desc nulls last, census_needs.sen_type asc nulls last
        ) = 1
),

pupils as (
    select
        newest_census.term,
        newest_census.urn,
        case when census_pupils.sen_provision in ('K', 'E') then census_pupils.sen_provision else 'N' end as provision,
        case when census_pupils.sen_provision in ('K', 'E') then primary_needs.sen_type end as need,
        census_pupils.year_group,
        census_pupils.sex,
        'census' as source
    from newest_census
    inner join census_pupils
        on
            newest_census.urn = census_pupils.urn
            and newest_census.census_term = census_pupils.census_term
    left join primary_needs
        on
            newest_census.term = primary_needs.term
            and newest_census.urn = primary_needs.urn
            and census_pupils.pupil_key = primary_needs.pupil_key
    where coalesce(census_pupils.enrolment, 'C') in ('C', 'M')
    union all
    select
        register.term,
        register.urn,
        register.sen_provision as provision,
        register.primary_need as need,
        register.year_group,
        register.sex,
        'register' as source
    from register
    inner join newest_census on register.term = newest_census.term and register.urn = newest_census.urn
    where newest_census.census_term is null and register.is_on_register
)

select
    *,
    count(*) as pupils
from pupils
group by all
