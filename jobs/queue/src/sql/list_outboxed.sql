-- Promises that no relay has pushed yet, oldest first.
--   $1 queue (null: any) · $2 the last id seen (null: from the start) · $3 how many at most
select id, queue, name, version::integer as version, args::text as args, null::bytea as args_raw, 'outbox' as durability, 'outboxed' as state,
    null::text as reason, attempts_before as attempts, enqueued_at, run_at, pushed_at, null::timestamptz as at
from faena.outbox
where pushed_at is null and ($1::text is null or queue = $1) and ($2::uuid is null or id > $2)
order by id
limit $3
