-- One row: a row of the optional sheet `explanations`, and whether its reference is a query of the school
-- (known_queries).
with explanations as (
    select
        *,
        -- it has no O and no I, which are typed for 0 and 1
        translate(upper(regexp_replace(reference, '[^A-Za-z0-9]', '', 'g')), 'OI', '01') as bare_reference
    from raw.explanations
    where return_id in (select return_id from checked_returns)
)

select
    explanations.return_id,
    explanations.row_number,
    explanations.reference as reference__text,
    explanations.explanation as explanation__text,
    explanations.header_found,
    case when explanations.explanation is not null then known_queries.urn is not null end as reference_known,
    -- a row that the feedback workbook had already says nothing before something is written into it
    case
        when explanations.reference is not null and not explanations.prefilled then explanations.explanation is not null
    end as explanation_given
from explanations
left join known_queries
    on
        explanations.return_urn = known_queries.urn
        and explanations.bare_reference = known_queries.reference
order by explanations.return_id, explanations.row_number
