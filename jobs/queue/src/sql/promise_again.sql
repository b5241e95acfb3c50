-- Promises an ended job anew: its ledger row becomes an outbox row under the same id, and attempt numbers go on.
--   $1 job id
with gone as (
    delete from faena.jobs where id = $1 and args is not null returning *
), promised as (
    insert into faena.outbox (id, queue, name, version, args, attempts_before, traceparent, enqueued_at, terms)
    select id, queue, name, version::smallint, args, attempts, traceparent, enqueued_at, terms from gone
)
select pg_notify('faena_outbox', '')
