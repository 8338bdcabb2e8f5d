with pupils as (select * from {{ ref('stg_pupils') }}),

one_row_each as (
    -- a child listed under both the UPN and the former one is one child: the first row speaks
    select *
    from pupils
    qualify row_number() over (partition by term, urn, pupil_key order by row_number asc nulls last) = 1
)

select * from one_row_each
