-- Ended jobs, latest first.
--   $1 state · $2 queue (null: any) · $3, $4 end and id of the last job seen (null: from the start) · $5 how many at most
select id, queue, name, version, args::text as args, args_raw, durability, state, reason, attempts, enqueued_at, run_at,
    null::timestamptz as pushed_at, ended_at as at
from faena.jobs
where state = $1 and ($2::text is null or queue = $2) and ($3::timestamptz is null or (ended_at, id) < ($3, $4))
order by ended_at desc, id desc
limit $5
