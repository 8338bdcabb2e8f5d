with sen2_reviews as (select * from {{ source('reference', 'sen2_reviews') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }})

select
    pupil_keys.pupil_key,
    sen2_reviews.review_meeting_date,
    sen2_reviews.review_outcome,
    sen2_reviews.last_review_date,
    sen2_reviews.reference_date
from sen2_reviews
left join pupil_keys on sen2_reviews.upn = pupil_keys.identifier
