-- Ends a promise that never reached Redis.
--   $1 job id · $2 reason
-- Answers the end, if that is what happened.
with gone as (
    delete from faena.outbox where id = $1 and pushed_at is null returning *
), written as (
    insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, run_at, ended_at, traceparent, terms)
    select id, queue, name, version, args, 'outbox', 'cancelled', $2, attempts_before, enqueued_at, run_at, clock_timestamp(), traceparent, terms
    from gone
    returning id, state, ended_at, traceparent, terms
)
select id, state, ended_at, traceparent, terms::text as terms from written
