with issue_lives as (select * from {{ ref('stg_issue_lives') }}),

corrected_issues as (
    select
        -- nothing of the fact: a pupil's number could be guessed from its hash
        md5(
            concat_ws(
                '|',
                'corrected',
                last_return_id,
                rule_code,
                table_name,
                cast(
                    row_number() over (
                        partition by last_return_id, rule_code, table_name
                        order by last_row_number asc nulls first, fact_id asc nulls last
                    ) as varchar
                )
            )
        ) as issue_id,
        last_return_id as return_id,
        file_name,
        urn,
        term,
        rule_code,
        severity,
        table_name,
        last_row_number as row_number,
        cast(null as varchar) as pupil_key,
        field,
        message,
        remedy,
        'corrected' as state
    from issue_lives
    where corrected_by_return_id is not null
)

select * from corrected_issues
