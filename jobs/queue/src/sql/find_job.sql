-- A job as Postgres knows it: its end in the ledger, or else its promise.
--   $1 job id
select id, queue, name, version, args::text as args, args_raw, durability, state, reason, attempts, enqueued_at, run_at,
    null::timestamptz as pushed_at, ended_at as at, terms::text as terms
from faena.jobs where id = $1
union all
select id, queue, name, version::integer, args::text, null::bytea, 'outbox', 'outboxed', null, attempts_before, enqueued_at, run_at, pushed_at,
    null::timestamptz, terms::text
from faena.outbox where id = $1
limit 1
