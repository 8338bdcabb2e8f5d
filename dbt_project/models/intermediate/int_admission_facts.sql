with namings as (select * from {{ ref('int_admission_namings') }}),

due_dates as (select * from {{ ref('int_admission_due_dates') }}),

pupils as (select * from {{ ref('int_pupils') }}),

terms as (select * from {{ ref('int_terms') }}),

school_terms as (select * from {{ ref('int_school_terms') }}),

pupils_not_counted as (select * from {{ ref('stg_pupils_not_counted') }}),

facts as (
    select
        namings.*,
        terms.as_at_date,
        terms.previous_as_at_date,
        coalesce(school_terms.has_return, false) as has_return,
        -- a row that waits for its correction: the return does not say that the pupil is not there
        pupils_not_counted.pupil_key is not null as is_in_row_not_counted,
        coalesce(
            namings.expected_start_date,
            case when namings.phase_transfer then due_dates.next_year_starts_on else due_dates.school_days_end_on end
        ) as due_date,
        case
            when namings.expected_start_date is not null then namings.expected_start_date_source
            when namings.phase_transfer then 'phase_transfer'
            else 'school_days'
        end as due_date_source,
        -- null: not known whether the pupil was on the roll
        case
            when pupils.pupil_key is null then false
            when pupils.entry_date is null then null
            when pupils.entry_date > namings.named_date then false
            when pupils.leaving_date <= namings.named_date then false
            when pupils.leaving_date_unreadable then null
            else true
        end as was_on_roll,
        -- a pupil who was admitted once, left and is named again has not been admitted by that
        case
            when namings.admitted_date <= pupils.leaving_date and pupils.leaving_date <= namings.named_date then null
            else namings.admitted_date
        end as admitted_by_school,
        case
            when admitted_by_school is not null then 'admitted_date'
            when pupils.entry_date > namings.named_date then 'entry_date'
        end as admitted_date_source,
        coalesce(
            admitted_by_school, case when pupils.entry_date > namings.named_date then pupils.entry_date end
        ) as admitted_on
    from namings
    inner join terms on namings.term = terms.term
    left join school_terms
        on
            namings.term = school_terms.term
            and namings.urn = school_terms.urn
    left join due_dates
        on
            namings.term = due_dates.term
            and namings.named_date = due_dates.named_date
    left join pupils
        on
            namings.term = pupils.term
            and namings.urn = pupils.urn
            and namings.pupil_key = pupils.pupil_key
    left join pupils_not_counted
        on
            namings.term = pupils_not_counted.term
            and namings.urn = pupils_not_counted.urn
            and namings.pupil_key = pupils_not_counted.pupil_key
)

select * from facts
