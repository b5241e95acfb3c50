-- Jobs that came from a stock apalis-redis queue: one row each, written in the transaction that writes its promise. An adoption that was
-- interrupted and is run again finds here what it has promised, whatever has become of the promise since; and whoever looks for a job by
-- the id that it had before, or by its idempotency key, finds it here too.
create table faena.adopted (
    id uuid primary key,
    stock_queue text not null,
    stock_id text not null,
    -- What the stock queue knew of it besides its arguments: attempts, status, idempotency key, the producer's own fields.
    metadata jsonb not null,
    adopted_at timestamptz not null default clock_timestamp(),
    unique (stock_queue, stock_id)
);
