-- One row: what a rule needs (its `needs`) and a checked return has not, with the reason that its runs then give.
with returns as (select * from checked_returns),

looked_back as (
    select
        returns.return_id,
        last_returns.last_return_id,
        last_returns.is_same_year
    from returns
    left join last_returns on returns.return_id = last_returns.return_id
)

select
    return_id,
    'last_return' as need,
    'no return last term' as reason
from looked_back
where last_return_id is null
union all
select
    return_id,
    'last_return_of_year',
    case when last_return_id is null then 'no return last term' else 'first term of the year' end
from looked_back
where last_return_id is null or not is_same_year
union all
select
    return_id,
    'register',
    'nil return'
from nil_returns
union all
select
    return_id,
    'ehc_plans',
    'no EHC plans from the LA'
from returns
where not exists (select 1 from reference.ehc_plans)
union all
select
    return_id,
    'sen2',
    'no SEN2 export of this term'
from returns
where term not in (select term from sen2_primary_needs)
union all
-- colleges are in no school census
select
    return_id,
    'census',
    case
        when term in (select term from census_pupils) then 'school not in the school census of this term'
        else 'no school census of this term'
    end
from returns
where (term, line_urn) not in (select (term, urn) from census_pupils)
union all
select
    return_id,
    'census_needs',
    'no types of need in the school census of this term'
from returns
where (term, line_urn) not in (select (term, urn) from census_pupils where primary_need is not null)
