-- Promises what follows ended jobs. What the table would refuse is left out: it must not hold up the ends of others.
--   $1 ids · $2 lanes · $3 names · $4 versions · $5 args · $6 run at · $7 traceparents · $8 enqueued · $9 terms (null: none)
-- Returns the ids of those that were promised.
insert into faena.outbox (id, queue, name, version, args, run_at, traceparent, enqueued_at, terms)
select id, queue, name, version, args::jsonb, run_at, traceparent, enqueued_at, terms::jsonb
from unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::timestamptz[], $7::text[], $8::timestamptz[], $9::text[])
    as t (id, queue, name, version, args, run_at, traceparent, enqueued_at, terms)
where name ~ '^[a-z][a-z0-9_]{0,62}$' and version > 0
    and octet_length(args::jsonb::text) <= 131072 and coalesce(octet_length(terms::jsonb::text), 0) <= 262144
on conflict (id) do nothing
returning id
