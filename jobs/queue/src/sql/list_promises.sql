-- Every promise without an end, in the order in which they are due.
select id, queue, name, version, args::text as args, run_at, attempts_before, traceparent, enqueued_at, terms, edited_at
from faena.outbox
order by coalesce(run_at, enqueued_at), id
