{% set dates = ['annual_review_meeting_date', 'transition_plan_date', 'designated_teacher_liaison_date'] %}

with speaking_pupils as (select * from {{ ref('int_speaking_pupils') }}),

pupil_rows as (select * from {{ ref('int_pupil_rows') }}),

newest as (
    select
        term,
        urn,
        pupil_key,
        return_id
    from speaking_pupils
    qualify row_number() over (partition by term, urn, pupil_key order by return_term_number desc nulls last) = 1
),

-- each school says when it last did something; of several schools the latest counts for the pupil
pupil_dates as (
    select
        newest.term,
        newest.pupil_key,
        {% for date in dates %}
            max(pupil_rows.{{ date }}) as {{ date }},
            bool_or(pupil_rows.{{ date }}_unreadable) as {{ date }}_unreadable{% if not loop.last %},{% endif %}
        {% endfor %}
    from newest
    inner join pupil_rows
        on
            newest.return_id = pupil_rows.return_id
            and newest.pupil_key = pupil_rows.pupil_key
    group by newest.term, newest.pupil_key
)

select * from pupil_dates
