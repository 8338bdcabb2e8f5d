with arrangements as (select * from {{ ref('stg_arrangements') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

school_terms as (select * from {{ ref('int_school_terms') }}),

of_terms as (
    select
        arrangements.*,
        terms.term_number as sent_in_term_number
    from arrangements
    inner join terms on arrangements.term = terms.term
),

-- the newest row up to the term, of any year: a school sends one in autumn and then only what changed
newest as (
    select
        school_terms.term as serves_term,
        school_terms.urn as serves_urn,
        terms.as_at_date,
        terms.year_start_after,
        cast(
            {{ dbt.dateadd('year', '-parameters.senco_award_years', 'terms.as_at_date') }} as date
        ) as award_period_starts_on,
        of_terms.*
    from school_terms
    inner join terms on school_terms.term = terms.term
    inner join parameters on school_terms.term = parameters.term
    left join of_terms
        on
            school_terms.urn = of_terms.urn
            and terms.term_number >= of_terms.sent_in_term_number
    where school_terms.has_return
    qualify row_number() over (
            partition by school_terms.term, school_terms.urn
            order by of_terms.sent_in_term_number desc nulls last, of_terms.row_number asc nulls last
        ) = 1
),

answered as (
    select
        serves_term as term,
        serves_urn as urn,
        term as sent_in_term,
        senco_in_post,
        senco_award,
        senco_leadership,
        governor_oversight,
        -- what is blank was not done, what could not be read is not known, and no row at all is no answer
        case
            when return_id is null or sen_information_report_url_unreadable then null
            else sen_information_report_url is not null
        end as has_information_report_url,
        case
            when return_id is null or sen_information_report_date_unreadable then null
            else coalesce(
                    sen_information_report_date > year_start_after and sen_information_report_date <= as_at_date, false
                )
        end as updated_information_report_in_year,
        case
            when return_id is null or senco_responsibilities_reviewed_date_unreadable then null
            else coalesce(
                    senco_responsibilities_reviewed_date > year_start_after
                    and senco_responsibilities_reviewed_date <= as_at_date,
                    false
                )
        end as reviewed_responsibilities_in_year,
        case
            when return_id is null or senco_first_appointed_date_unreadable then null
            else coalesce(
                    senco_first_appointed_date >= award_period_starts_on and senco_first_appointed_date <= as_at_date,
                    false
                )
        end as senco_appointed_in_award_period
    from newest
)

select * from answered
