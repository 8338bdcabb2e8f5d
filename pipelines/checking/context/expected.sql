-- One row: a row that the return should hold, for last term's return had it, or the LA's plans name it, or the school's
-- own census has the pupil with SEN. What is looked
-- for is looked for in the received rows, those not counted included; a row whose key cannot be read may be the one.
with returns as (
    select last_returns.*
    from last_returns
    anti join nil_returns using (return_id)
),

pupils as (select * from raw.pupils where return_id in (select return_id from returns)),

present as (
    select distinct
        return_id,
        last_row_number
    from same_pupils
),

-- a row with a number that is no pupil's is the pupil of last term who is like it
unnamed as (
    select distinct
        pupils.return_id,
        pupils.sex,
        pupils.entry_date,
        pupils.sen_start_date
    from pupils
    semi join unnamed_pupils using (return_id, row_number)
),

pupils_of_last_term as (
    select
        before.return_id,
        before.identifier,
        present.last_row_number is not null or unnamed.return_id is not null as is_there
    from last_pupils as before
    inner join returns on before.return_id = returns.return_id
    left join present on before.return_id = present.return_id and before.last_row_number = present.last_row_number
    left join unnamed
        on
            before.return_id = unnamed.return_id
            and before.sex is not distinct from unnamed.sex
            and before.entry_date is not distinct from unnamed.entry_date
            and before.sen_start_date is not distinct from unnamed.sen_start_date
    where not before.has_left and (returns.is_same_year or before.sen_provision in ('K', 'E'))
),

plans as (
    select
        return_id,
        upn,
        planned_date
    from raw.plans
    where return_id in (select return_id from returns) and (upn is not null or planned_date is not null)
),

-- of a pupil without any plan something is said already
pupils_with_plans as (
    select distinct
        return_id,
        upn
    from plans
),

plans_of_last_term as (
    select
        known.return_id,
        known.identifier,
        before.planned_date
    from raw.plans as before
    inner join returns on before.return_id = returns.last_return_id
    inner join last_identifiers as said
        on returns.return_id = said.return_id and before.upn = said.identifier
    inner join known_pupils as known
        on said.return_id = known.return_id and said.last_row_number = known.last_row_number
    semi join pupils_with_plans
        on known.return_id = pupils_with_plans.return_id and known.identifier = pupils_with_plans.upn
    where
        before.planned_date is not null
        and before.surplus is null
        and (returns.is_same_year or (before.ended_date__text is null and before.ended_date__fault is null))
    qualify count(*) over (partition by before.return_id, before.upn, before.planned_date) = 1
),

plans_looked_for as (
    select
        before.*,
        bool_or(plans.return_id is not null) as is_there
    from plans_of_last_term as before
    left join plans
        on
            before.return_id = plans.return_id
            and before.identifier = plans.upn
            and before.planned_date = plans.planned_date
    group by all
),

half_read_plans as (select * from plans where upn is null or planned_date is null),

reviews as (
    select
        return_id,
        upn,
        planned_date,
        review_date
    from raw.reviews
    where return_id in (select return_id from returns)
),

reviews_of_last_term as (
    select
        known.return_id,
        known.identifier,
        before.planned_date,
        before.review_date
    from raw.reviews as before
    inner join returns on before.return_id = returns.last_return_id
    inner join last_identifiers as said
        on returns.return_id = said.return_id and before.upn = said.identifier
    inner join known_pupils as known
        on said.return_id = known.return_id and said.last_row_number = known.last_row_number
    -- without its plan a review follows from what is said of the plan
    semi join plans
        on
            known.return_id = plans.return_id
            and known.identifier = plans.upn
            and before.planned_date = plans.planned_date
    where returns.is_same_year and before.review_date is not null and before.surplus is null
    qualify count(*) over (partition by before.return_id, before.upn, before.review_date) = 1
),

reviews_looked_for as (
    select
        before.*,
        bool_or(reviews.return_id is not null) as is_there
    from reviews_of_last_term as before
    left join reviews
        on
            before.return_id = reviews.return_id
            and before.identifier = reviews.upn
            and before.review_date = reviews.review_date
    group by all
),

half_read_reviews as (select * from reviews where upn is null or planned_date is null or review_date is null),

-- whom a plan of the LA's names, once the pupil is due at the school
named_by_the_la as (
    select distinct
        returns.return_id,
        plans.upn
    from checked_returns as returns
    inner join la_plans as plans on returns.term = plans.term and returns.line_urn = plans.urn
    where plans.is_in_force and plans.due_date < returns.as_at_date
),

told_of as (
    select
        return_id,
        identifier as upn
    from valid_identifiers
    union
    select
        return_id,
        upn
    from raw.placements
    where return_id in (select return_id from checked_returns) and upn is not null
),

-- with SEN on the school's census of the term; of whom something is said already nothing is said once more
on_the_census as (
    select
        returns.return_id,
        roll.upn,
        bool_or(numbers.identifier is not null or unnamed.return_id is not null) as is_there
    from checked_returns as returns
    inner join census_pupils as roll on returns.term = roll.term and returns.line_urn = roll.urn
    anti join nil_returns on returns.return_id = nil_returns.return_id
    left join valid_identifiers as numbers
        on returns.return_id = numbers.return_id and roll.upn = numbers.identifier
    -- a row with a number that is no pupil's is the pupil of the census who is like it
    left join (
        select distinct
            pupils.return_id,
            pupils.sex,
            pupils.year_group
        from raw.pupils as pupils
        semi join unnamed_pupils using (return_id, row_number)
    ) as unnamed
        on
            returns.return_id = unnamed.return_id
            and roll.sex is not distinct from unnamed.sex
            and roll.year_group is not distinct from unnamed.year_group
    where roll.sen_provision in ('K', 'E')
    group by all
),

said_already as (
    select
        before.return_id,
        numbers.identifier as upn
    from pupils_of_last_term as before
    inner join last_pupils
        on before.return_id = last_pupils.return_id and before.identifier = last_pupils.identifier
    inner join last_identifiers as numbers
        on
            last_pupils.return_id = numbers.return_id
            and last_pupils.last_row_number = numbers.last_row_number
    where not before.is_there
    union
    select
        named.return_id,
        named.upn
    from named_by_the_la as named
    anti join told_of on named.return_id = told_of.return_id and named.upn = told_of.upn
),

every_row as (
    select
        return_id,
        'pupils' as table_name,
        identifier as upn,
        null as key_date,
        bool_or(is_there) as pupil_found,
        null::boolean as plan_found,
        null::boolean as review_found,
        null::boolean as named_found,
        null::boolean as on_census_found
    from pupils_of_last_term
    group by all
    union all
    select
        named.return_id,
        'pupils',
        named.upn,
        null,
        null,
        null,
        null,
        told_of.upn is not null,
        null
    from named_by_the_la as named
    left join told_of on named.return_id = told_of.return_id and named.upn = told_of.upn
    union all
    select
        roll.return_id,
        'pupils',
        roll.upn,
        null,
        null,
        null,
        null,
        null,
        roll.is_there
    from on_the_census as roll
    anti join said_already on roll.return_id = said_already.return_id and roll.upn = said_already.upn
    union all
    select
        before.return_id,
        'plans',
        before.identifier,
        before.planned_date,
        null,
        before.is_there or bool_or(half_read.return_id is not null),
        null,
        null,
        null
    from plans_looked_for as before
    left join half_read_plans as half_read
        on
            before.return_id = half_read.return_id
            and not before.is_there
            and (half_read.upn is null or half_read.upn = before.identifier)
            and (half_read.planned_date is null or half_read.planned_date = before.planned_date)
    group by before.return_id, before.identifier, before.planned_date, before.is_there
    union all
    select
        before.return_id,
        'reviews',
        before.identifier,
        before.review_date,
        null,
        null,
        before.is_there or bool_or(half_read.return_id is not null),
        null,
        null
    from reviews_looked_for as before
    left join half_read_reviews as half_read
        on
            before.return_id = half_read.return_id
            and not before.is_there
            and (half_read.upn is null or half_read.upn = before.identifier)
            and (half_read.review_date is null or half_read.review_date = before.review_date)
            and (half_read.planned_date is null or half_read.planned_date = before.planned_date)
    group by before.return_id, before.identifier, before.planned_date, before.review_date, before.is_there
)

select *
from every_row
