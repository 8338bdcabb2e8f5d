with raw_columns as (select * from information_schema.columns)

select
    table_name,
    column_name as field
from raw_columns
where
    -- the tables of schema raw are made from the contract
    table_catalog = '{{ source("raw", "pupils").database }}'
    and table_schema = '{{ source("raw", "pupils").schema }}'
    -- a cell's text and fault stand beside its field
    and column_name not like '%\_\_%' escape '\'
