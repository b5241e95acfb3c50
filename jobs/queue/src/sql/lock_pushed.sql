-- Promises that are still without an end, locked so that no recorder ends them meanwhile; but not what somebody wants cancelled.
--   $1 ids
select id, queue, name, version, args::text as args, run_at, attempts_before, traceparent, enqueued_at, terms, edited_at
from faena.outbox o
where id = any($1) and pushed_at is not null
    and not exists (select from faena.commands c where c.job_id = o.id and c.verb = 'cancel' and (c.stands or c.carried_out_at is null))
order by id
for update of o
