with speaking_returns as (select * from {{ ref('int_speaking_returns') }}),

placements as (select * from {{ ref('stg_placements') }}),

placements_of_terms as (
    select
        speaking_returns.term,
        placements.urn,
        placements.pupil_key,
        placements.named_date,
        placements.expected_start_date,
        placements.expected_start_date_unreadable,
        placements.admitted_date,
        placements.admitted_date_unreadable,
        placements.not_admitted_reason,
        placements.not_admitted_reason_unreadable
    from speaking_returns
    inner join placements on speaking_returns.return_id = placements.return_id
    where speaking_returns.is_newest_of_year
    -- of a key the newest speaks
    qualify row_number() over (
            partition by speaking_returns.term, placements.urn, placements.pupil_key, placements.named_date
            order by speaking_returns.return_term_number desc nulls last, placements.row_number asc nulls last
        ) = 1
)

select * from placements_of_terms
