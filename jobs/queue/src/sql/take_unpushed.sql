-- Takes promises that no relay has pushed yet; rows that another relay holds are skipped.
--   $1 how many at most · $2 lanes that are left out
select id, queue, name, version, args::text as args, run_at, attempts_before, traceparent, enqueued_at, terms, edited_at
from faena.outbox
where pushed_at is null and queue <> all ($2::text[])
order by id
limit $1
for update skip locked
