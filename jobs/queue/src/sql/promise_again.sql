-- Promises an ended job anew: its ledger row becomes an outbox row under the same id, attempt numbers go on, it is due now, and
-- no longer expires: whoever asks for it wants it.
--   $1 job id
with gone as (
    delete from faena.jobs where id = $1 and args is not null returning *
), promised as (
    insert into faena.outbox (id, queue, name, version, args, run_at, attempts_before, traceparent, enqueued_at, terms)
    select id, queue, name, version::smallint, args, clock_timestamp(), attempts, traceparent, enqueued_at,
        nullif(terms - 'expires_at', '{}')
    from gone
), admitted as (
    -- What was cancelled before it was pushed was barred from having an effect.
    update faena.effects e set done_at = null from gone where e.job_id = gone.id and (e.epoch, e.fence) = (0, 0)
)
select pg_notify('faena_outbox', '')
