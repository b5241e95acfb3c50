-- Writes into the ledger that a unique job met another one that asks for the same.
--   $1 id · $2 lane · $3 name · $4 version · $5 args · $6 run at · $7 attempts of earlier rounds · $8 traceparent · $9 enqueued
--   · $10 terms · $11 reason
insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, run_at, ended_at, traceparent, terms)
values ($1, $2, $3, $4, $5::jsonb, 'outbox', 'cancelled', $11, $7, $9, $6, clock_timestamp(), $8, $10)
on conflict (id) do nothing
