with issues as (select * from {{ ref('stg_issues') }}),

corrected_issues as (select * from {{ ref('int_corrected_issues') }}),

explanations as (select * from {{ ref('stg_explanations') }}),

contract_fields as (select * from {{ ref('stg_contract_fields') }}),

return_files as (select * from {{ ref('int_return_files') }}),

calendar_terms as (select * from {{ ref('int_calendar_terms') }}),

-- a refusal asks again; and what is explained in a return is explained from its term on, so that no later return
-- changes what an earlier term's figures say
explained_facts as (
    select
        explanations.urn,
        explanations.fact_id,
        min(calendar_terms.term_number) as from_term_number
    from explanations
    inner join calendar_terms on explanations.term = calendar_terms.term
    where coalesce(explanations.decision, 'waiting') <> 'refused'
    group by explanations.urn, explanations.fact_id
),

found as (
    select
        issues.issue_id,
        issues.return_id,
        issues.file_name,
        issues.urn,
        issues.term,
        issues.rule_code,
        issues.severity,
        issues.table_name,
        issues.row_number,
        issues.pupil_key,
        issues.field,
        issues.message,
        issues.remedy,
        case
            -- what still is wrong in the file that replaced this one was found there anew
            when not coalesce(return_files.still_stands, true) then 'corrected'
            when
                issues.severity = 'query' and explained_facts.from_term_number <= calendar_terms.term_number
                then 'explained'
            else 'open'
        end as state
    from issues
    left join return_files on issues.return_id = return_files.return_id
    left join calendar_terms on issues.term = calendar_terms.term
    left join explained_facts
        on
            issues.urn = explained_facts.urn
            and issues.fact_id = explained_facts.fact_id
),

every_issue as (
    select * from found
    union all
    select * from corrected_issues
),

with_field as (
    select
        every_issue.issue_id,
        every_issue.return_id,
        every_issue.file_name,
        every_issue.urn,
        every_issue.term,
        every_issue.rule_code,
        every_issue.severity,
        every_issue.table_name,
        every_issue.row_number,
        every_issue.pupil_key,
        -- a heading that the contract does not have is a school's own text, and may be a child's name
        contract_fields.field,
        every_issue.message,
        every_issue.remedy,
        every_issue.state
    from every_issue
    left join contract_fields
        on
            every_issue.table_name = contract_fields.table_name
            and every_issue.field = contract_fields.field
)

select * from with_field
