-- Takes promises that no relay has pushed yet; rows that another relay holds are skipped.
--   $1 how many at most
select id, queue, name, version, args::text as args, run_at, attempts_before, traceparent, enqueued_at, terms
from faena.outbox
where pushed_at is null
order by id
limit $1
for update skip locked
