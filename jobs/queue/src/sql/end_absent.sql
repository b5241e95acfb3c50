-- Ends a promise that is not in Redis, under the locks of its effect row and of its own, and sees to it that it has no effect: a relay that stood still with the row in hand may still push it.
--   $1 job id · $2 reason
-- Answers the end. No row comes back when an attempt of which Redis knows nothing any more has had the effect: waited for, if it is about to.
with gone as (
    delete from faena.outbox where id = $1 returning *
), barred as (
    -- Older than every delivery, which is how an operator's retry knows it.
    insert into faena.effects as e (job_id, epoch, fence, done_at) select id, 0, 0, clock_timestamp() from gone
    on conflict (job_id) do update set barred_epoch = e.epoch, barred_fence = e.fence, epoch = 0, fence = 0, done_at = excluded.done_at where e.done_at is null
    returning job_id
), written as (
    insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, run_at, ended_at, traceparent, terms)
    select id, queue, name, version, args, 'outbox', 'cancelled', $2, attempts_before, enqueued_at, run_at, clock_timestamp(), traceparent, terms
    from gone join barred on barred.job_id = gone.id
    returning id, state, ended_at, traceparent, terms
)
select id, state, ended_at, traceparent, terms::text as terms from written
