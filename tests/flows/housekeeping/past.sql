-- A ledger of 3,300 jobs that ended from 0 to 366 days ago, a job every 160 minutes, each with two attempts and, unless it was cancelled, an effect. Of
-- every seventh somebody wanted something.
insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, ended_at)
select past_id(n), 'default', 'send_receipt', 1, '{}', case when n % 2 = 0 then 'outbox' else 'redis' end, state,
    case when state <> 'completed' then 'as told' end, 2, now() - interval '160 minutes' * n - interval '1 minute', now() - interval '160 minutes' * n
from (select n, (array['completed', 'completed', 'cancelled', 'dead'])[n % 4 + 1] as state from generate_series(1, 3300) n) told;
insert into faena.attempts (job_id, epoch, fence, attempt, worker, started_at, ended_at, outcome)
select id, 1, f, f, 'w', ended_at, ended_at, 'retry' from faena.jobs, generate_series(1, 2) f;
insert into faena.effects (job_id, epoch, fence, done_at) select id, 1, 2, ended_at from faena.jobs where state <> 'cancelled';
insert into faena.commands (job_id, verb, actor, asked_at, carried_out_at, outcome)
select past_id(n), 'retry', 'operadora', now(), now(), 'made_available' from generate_series(7, 3300, 7) n;
