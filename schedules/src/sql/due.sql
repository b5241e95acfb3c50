-- Schedules that have a tick to decide, the longest due first. When nothing is due, this looks at one page of an index.
--   $1 the jobs that this worker knows  $2 at most so many
select name
from faena.schedules
where next_at <= clock_timestamp() and deleted_at is null and job = any($1)
order by next_at
limit $2
