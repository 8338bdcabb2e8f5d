with issues as (select * from {{ ref('stg_issues') }}),

contract_fields as (select * from {{ ref('stg_contract_fields') }}),

return_files as (select * from {{ ref('int_return_files') }}),

with_state as (
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
        -- a heading that the contract does not have is a school's own text, and may be a child's name
        contract_fields.field,
        issues.message,
        issues.remedy,
        -- what still is wrong in the file that replaced this one was found there anew
        case
            when coalesce(return_files.still_stands, true) then 'open'
            else 'corrected'
        end as state
    from issues
    left join return_files on issues.return_id = return_files.return_id
    left join contract_fields
        on
            issues.table_name = contract_fields.table_name
            and issues.field = contract_fields.field
)

select * from with_state
