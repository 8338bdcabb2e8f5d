with explanations as (select * from {{ ref('int_explanations') }})

select
    explanation_id,
    urn,
    term,
    return_id,
    rule_code,
    table_name,
    message,
    remedy,
    text,
    given_at,
    newest_term,
    is_raised,
    decision,
    decided_by,
    decided_at,
    note
from explanations
