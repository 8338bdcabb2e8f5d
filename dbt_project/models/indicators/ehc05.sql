with annual_reviews as (select * from {{ ref('int_annual_reviews') }}),

terms as (select * from {{ ref('int_terms') }}),

parameters as (select * from {{ ref('int_parameters') }}),

with_last_day as (
    -- a review is counted once: in the term in which the LA's days ran out, and never beyond what SEN2 can know
    select
        terms.term,
        terms.as_at_date,
        terms.previous_as_at_date,
        annual_reviews.*,
        cast(
            {{ dbt.dateadd('day', 'parameters.review_decision_days', 'annual_reviews.review_meeting_date') }} as date
        ) as decide_by
    from annual_reviews
    cross join terms
    inner join parameters on terms.term = parameters.term
),

units as (
    select
        term,
        urn,
        pupil_key,
        concat(pupil_key, '/', cast(review_meeting_date as varchar)) as annual_review_id,
        -- a decision from before the meeting is that of an earlier review
        coalesce(decided_on >= review_meeting_date and decided_on <= decide_by, false) as is_met
    from with_last_day
    where
        decide_by > previous_as_at_date
        and decide_by <= as_at_date
        and decide_by <= reference_date
)

select
    'EHC05' as indicator_id,
    term,
    urn,
    pupil_key,
    annual_review_id as unit_id,
    is_met
from units
