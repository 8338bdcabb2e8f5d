with explanations as (select * from {{ source('quality', 'explanations') }}),

lines as (select * from {{ ref('stg_school_lines') }})

select
    explanations.explanation_id,
    coalesce(lines.line_urn, explanations.urn) as urn,
    explanations.fact_id,
    explanations.rule_code,
    explanations.term,
    explanations.return_id,
    explanations.text,
    explanations.given_at,
    explanations.decision,
    explanations.decided_by,
    explanations.decided_at,
    explanations.note
from explanations
left join lines on explanations.urn = lines.urn
