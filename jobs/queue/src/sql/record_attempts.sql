-- Records deliveries, each once. Attempt numbers go on from those used before an operator enqueued the job again. What a Redis that was set back tells of
-- a job that was deleted since is left out.
--   $1 job ids · $2 epochs · $3 fences · $4 attempts · $5 workers · $6 started · $7 ended · $8 outcomes · $9 errors
insert into faena.attempts (job_id, epoch, fence, attempt, worker, started_at, ended_at, outcome, error)
select t.job_id, t.epoch, t.fence, t.attempt + coalesce(o.attempts_before, 0), t.worker, t.started_at, t.ended_at, t.outcome, t.error
from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[])
    as t (job_id, epoch, fence, attempt, worker, started_at, ended_at, outcome, error)
left join faena.outbox o on o.id = t.job_id
where o.id is not null
    or not exists (select from faena.commands c where c.job_id = t.job_id and c.verb = 'delete' and c.asked_at >= coalesce(t.started_at, t.ended_at))
on conflict do nothing
