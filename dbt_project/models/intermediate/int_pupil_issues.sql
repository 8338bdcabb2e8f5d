with issues as (select * from {{ ref('int_issues') }}),

returns as (select * from {{ ref('stg_returns') }}),

-- on a row of the pupil in the term's current return; what is said of a row that is not there is on none
pupil_issues as (
    select
        returns.term,
        returns.urn,
        issues.pupil_key,
        count(*) filter (where issues.severity = 'error') as errors,
        count(*) filter (where issues.severity = 'query' and issues.state <> 'explained') as unexplained_queries
    from issues
    inner join returns on issues.return_id = returns.return_id
    where
        issues.pupil_key is not null
        and issues.row_number is not null
    group by returns.term, returns.urn, issues.pupil_key
)

select * from pupil_issues
