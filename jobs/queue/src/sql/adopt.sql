-- Adopts stock jobs: notes each and promises it, and leaves alone those that were adopted before. Returns the ids of the new ones.
--   $1 stock queue · $2 lane · $3 name · $4 version · then for each job: $5 its id · $6 its stock id · $7 metadata · $8 args · $9 run at
--   $10 attempts used · $11 traceparent · $12 enqueued at · $13 terms
with offered as (
    select *
    from unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::integer[], $11::text[], $12::timestamptz[],
            $13::text[])
        as t (id, stock_id, metadata, args, run_at, attempts_before, traceparent, enqueued_at, terms)
), adopted as (
    insert into faena.adopted (id, stock_queue, stock_id, metadata)
    select id, $1, stock_id, metadata::jsonb from offered
    on conflict do nothing
    returning id
), promised as (
    insert into faena.outbox (id, queue, name, version, args, run_at, attempts_before, traceparent, enqueued_at, terms)
    select id, $2, $3, $4, args::jsonb, run_at, attempts_before, traceparent, enqueued_at, terms::jsonb from offered join adopted using (id)
)
select id from adopted
