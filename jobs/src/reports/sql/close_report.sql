-- Ends a report whose job stands in the ledger, unless it ended well or somebody has run it again: cancelled by an operator, or dead.
--   $1 report
update core.reports r
set state = case when j.state = 'cancelled' then 'cancelled' else 'failed' end, problem = case when j.state = 'cancelled' then null else 'broken' end,
    finished_at = clock_timestamp()
from faena.jobs j
where r.id = $1 and r.state in ('queued', 'running') and j.id = r.job_id and j.state <> 'completed'
