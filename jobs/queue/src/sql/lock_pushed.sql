-- Promises that are still without an end, locked so that no recorder ends them meanwhile.
--   $1 ids
select id, queue, name, version, args::text as args, run_at, attempts_before, traceparent, enqueued_at, terms
from faena.outbox
where id = any($1) and pushed_at is not null
order by id
for update
