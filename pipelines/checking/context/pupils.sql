-- One row: a row of the sheet `pupils`.
with returns as (select * from checked_returns),

pupils as (select * from raw.pupils where return_id in (select return_id from returns)),

-- rows that are one child's by any of their numbers (valid_identifiers: UPN, valid ULN, valid former UPN)
rows_of_pupil as (
    select
        one.return_id,
        one.row_number,
        count(distinct other.row_number) as rows_of_pupil
    from valid_identifiers as one
    inner join valid_identifiers as other
        on one.return_id = other.return_id and one.identifier = other.identifier
    group by all
),

plans as (
    select
        return_id,
        upn,
        count(*) as plans
    from raw.plans
    where return_id in (select return_id from returns) and upn is not null
    group by all
),

placements as (
    select
        return_id,
        upn,
        count(*) as placements
    from raw.placements
    where return_id in (select return_id from returns) and upn is not null
    group by all
),

-- what last term's return says of the same pupil
last_term as (
    select
        known.return_id,
        known.row_number,
        before.sex,
        before.sen_provision,
        -- who came off the register may start anew
        case when before.sen_provision <> 'N' then before.sen_start_date end as sen_start_date
    from known_pupils as known
    inner join last_pupils as before
        on known.return_id = before.return_id and known.last_row_number = before.last_row_number
),

-- numbers that last term's return gives as the former ones of pupils who have others since
former_upns as (
    select
        pupils.return_id,
        pupils.row_number,
        min(before.former_upn) as former_upn
    from pupils
    inner join last_pupils as before on pupils.return_id = before.return_id and pupils.upn = before.former_upn
    where before.identifier <> pupils.upn
    group by all
),

-- pupils on a register at the as-at date, by their numbers; a temporary UPN is unknown to the LA and to other schools
on_register as (
    select
        pupils.return_id,
        pupils.row_number,
        pupils.enrolment,
        returns.term,
        numbers.identifier
    from pupils
    inner join returns on pupils.return_id = returns.return_id
    inner join valid_identifiers as numbers
        on pupils.return_id = numbers.return_id and pupils.row_number = numbers.row_number
    anti join unnamed_pupils as unnamed
        on pupils.return_id = unnamed.return_id and pupils.row_number = unnamed.row_number
    where
        pupils.sen_provision in ('K', 'E')
        and pupils.entry_date <= returns.as_at_date
        and coalesce(pupils.leaving_date > returns.as_at_date, pupils.leaving_date__fault is null)
        and coalesce(pupils.upn similar to '[A-Z][0-9]{12}', true)
),

known_to_the_la as (
    select
        on_register.return_id,
        on_register.row_number,
        count(plans.upn) as la_plans
    from on_register
    left join la_plans as plans
        on on_register.identifier = plans.upn and on_register.term = plans.term and plans.is_in_force
    group by all
),

-- what SEN2 and the census say of the pupil, by any of the pupil's numbers; where either source gives a pupil two
-- needs, a need that fits one of them differs from neither
sen2 as (
    select
        pupils.return_id,
        pupils.row_number,
        case when not bool_or(needs.sen_type = pupils.primary_need) then min(needs.sen_type) end as other_need
    from pupils
    inner join returns on pupils.return_id = returns.return_id
    inner join valid_identifiers as numbers
        on pupils.return_id = numbers.return_id and pupils.row_number = numbers.row_number
    inner join sen2_primary_needs as needs on numbers.identifier = needs.upn and returns.term = needs.term
    where pupils.sen_provision = 'E' and pupils.primary_need is not null
    group by all
),

first_named as (
    select
        upn,
        min(named_date) as named_date
    from reference.ehc_plans
    group by all
),

census as (
    select
        pupils.return_id,
        pupils.row_number,
        -- came onto the register after the census day
        max(case when pupils.sen_start_date <= roll.census_day then roll.sen_provision end) as census_provision,
        -- the LA knows that the plan is younger than the census
        max(
            case
                when pupils.sen_provision <> roll.sen_provision
                    and roll.sen_provision in ('K', 'E')
                    and (pupils.sen_provision = 'K' or coalesce(named.named_date <= roll.census_day, true))
                    then roll.sen_provision
            end
        ) as other_provision,
        -- who has been assessed since has a type of need since
        case
            when not bool_or(coalesce(roll.primary_need in (pupils.primary_need, 'NSA'), true))
                then min(roll.primary_need)
        end as other_need
    from pupils
    inner join returns on pupils.return_id = returns.return_id
    inner join valid_identifiers as numbers
        on pupils.return_id = numbers.return_id and pupils.row_number = numbers.row_number
    inner join census_pupils as roll
        on numbers.identifier = roll.upn and returns.term = roll.term and returns.line_urn = roll.urn
    left join first_named as named on roll.upn = named.upn
    where pupils.sen_provision in ('K', 'E')
    group by all
),

-- whoever is on two registers is M on one and S on the other
on_other_registers as (
    select distinct
        one.return_id,
        one.row_number,
        one.enrolment as enrolment_beside_another
    from on_register as one
    inner join on_register as other
        on one.identifier = other.identifier and one.term = other.term and one.return_id <> other.return_id
    where one.enrolment = 'C' or (one.enrolment = 'M' and other.enrolment = 'M')
),

-- the years of GIAS's phases; schools of no phase (special, alternative provision) and all-through ones have any
phases (phase, youngest, oldest) as (
    values
    ('Nursery', -4, 0),
    ('Primary', -4, 6),
    ('Middle deemed primary', 3, 8),
    ('Middle deemed secondary', 4, 9),
    ('Secondary', 7, 14),
    ('16 plus', 12, 14)
),

numbered as (
    select
        *,
        case when upn__text is null and upn__fault is null then uln else upn end as identifier,
        case year_group
            when 'E1' then -4
            when 'E2' then -3
            when 'N1' then -2
            when 'N2' then -1
            when 'R' then 0
            else try_cast(year_group as integer)
        end as year_number
    from pupils
)

select
    numbered.* exclude (identifier, year_number),
    case when numbered.secondary_need = numbered.primary_need then numbered.secondary_need end as need_named_twice,
    case
        when numbered.year_number not between phases.youngest and phases.oldest then numbered.year_group
    end as year_group_outside_phase,
    rows_of_pupil.rows_of_pupil,
    case when numbered.identifier is not null then coalesce(plans.plans, 0) end as plans,
    case
        when numbered.identifier is not null
            then
                coalesce(placements.placements, 0)
                + case
                    when numbered.annual_review_meeting_date__text is not null
                        or numbered.annual_review_meeting_date__fault is not null
                        then 1
                    else 0
                end
    end as reviews_or_placements,
    last_term.sex as sex_last_term,
    last_term.sen_provision as sen_provision_last_term,
    last_term.sen_start_date as sen_start_date_last_term,
    former_upns.former_upn as former_upn_of_another,
    known_to_the_la.la_plans,
    sen2.other_need as other_need_in_sen2,
    census.census_provision,
    census.other_provision as other_provision_in_census,
    census.other_need as other_need_in_census,
    on_other_registers.enrolment_beside_another
from numbered
left join reference.schools as schools on numbered.return_urn = schools.urn
left join phases on schools.phase = phases.phase
left join rows_of_pupil
    on numbered.return_id = rows_of_pupil.return_id and numbered.row_number = rows_of_pupil.row_number
left join plans on numbered.return_id = plans.return_id and numbered.identifier = plans.upn
left join placements on numbered.return_id = placements.return_id and numbered.identifier = placements.upn
left join last_term on numbered.return_id = last_term.return_id and numbered.row_number = last_term.row_number
left join former_upns on numbered.return_id = former_upns.return_id and numbered.row_number = former_upns.row_number
left join known_to_the_la
    on numbered.return_id = known_to_the_la.return_id and numbered.row_number = known_to_the_la.row_number
left join sen2 on numbered.return_id = sen2.return_id and numbered.row_number = sen2.row_number
left join census on numbered.return_id = census.return_id and numbered.row_number = census.row_number
left join on_other_registers
    on numbered.return_id = on_other_registers.return_id and numbered.row_number = on_other_registers.row_number
