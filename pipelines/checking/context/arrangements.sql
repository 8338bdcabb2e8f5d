-- One row: a row of the sheet `arrangements`.
select
    received.*,
    coalesce(nullif(received.senco_award, 'NONE'), nullif(received.senco_leadership, 'NONE')) as described_senco
from raw.arrangements as received
inner join checked_returns as returns on received.return_id = returns.return_id
