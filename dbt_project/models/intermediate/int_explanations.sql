with explanations as (select * from {{ ref('stg_explanations') }}),

issue_lives as (select * from {{ ref('stg_issue_lives') }}),

-- the newest term in which the fact raised its query says how it stands
newest_lives as (
    select *
    from issue_lives
    qualify row_number() over (
            partition by urn, fact_id order by first_seen_at desc nulls last, term desc nulls last
        ) = 1
),

with_query as (
    select
        explanations.explanation_id,
        explanations.urn,
        explanations.term,
        explanations.return_id,
        explanations.rule_code,
        newest_lives.table_name,
        newest_lives.message,
        newest_lives.remedy,
        explanations.text,
        explanations.given_at,
        newest_lives.term as newest_term,
        newest_lives.corrected_by_return_id is null as is_raised,
        explanations.decision,
        explanations.decided_by,
        explanations.decided_at,
        explanations.note
    from explanations
    inner join newest_lives
        on
            explanations.urn = newest_lives.urn
            and explanations.fact_id = newest_lives.fact_id
)

select * from with_query
