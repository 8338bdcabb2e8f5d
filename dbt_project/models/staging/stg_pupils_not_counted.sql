with quarantined_rows as (select * from {{ source('quality', 'quarantined_rows') }}),

returns as (select * from {{ ref('stg_all_returns') }}),

pupils as (select * from {{ source('raw', 'pupils') }}),

placements as (select * from {{ source('raw', 'placements') }}),

pupil_keys as (select * from {{ source('restricted', 'pupil_keys') }}),

named as (
    select
        return_id,
        row_number,
        'pupils' as table_name,
        coalesce(upn, uln) as identifier
    from pupils
    union all
    select
        return_id,
        row_number,
        'placements' as table_name,
        upn as identifier
    from placements
),

not_counted as (
    select distinct
        returns.return_id,
        returns.urn,
        returns.term,
        pupil_keys.pupil_key
    from named
    inner join quarantined_rows
        on
            named.return_id = quarantined_rows.return_id
            and named.table_name = quarantined_rows.table_name
            and named.row_number = quarantined_rows.row_number
    inner join returns
        on
            named.return_id = returns.return_id
            and returns.state = 'current'
    inner join pupil_keys on named.identifier = pupil_keys.identifier
)

select * from not_counted
