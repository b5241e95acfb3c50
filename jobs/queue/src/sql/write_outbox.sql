-- Writes one promise and wakes a relay when the caller commits. The notification carries nothing: Postgres folds equal ones of a
-- transaction into one, and the relay looks for unpushed rows anyway.
with written as (
    insert into faena.outbox (id, queue, name, version, args, run_at, attempts_before, traceparent, enqueued_at, terms)
    values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10)
    on conflict (id) do nothing
)
select pg_notify('faena_outbox', '')
