-- Promises that have expired and have no end yet, the next ones behind a place: whoever else is at one, be it a relay, leaves it to the next walk.
-- What runs since before it expired is among them each time, and is passed by.
--   $1, $2 when the last one seen has expired (ms), and its id (null: from the start) · $3 how many at most
select id, queue, pushed_at is not null as is_pushed, (terms ->> 'expires_at')::bigint as expires_at_ms
from faena.outbox
where terms ? 'expires_at' and (terms ->> 'expires_at')::bigint < extract(epoch from clock_timestamp()) * 1000
    and (terms ->> 'expires_at')::bigint >= coalesce($1::bigint, 0)
    and ($1::bigint is null or ((terms ->> 'expires_at')::bigint, id) > ($1::bigint, $2::uuid))
order by (terms ->> 'expires_at')::bigint, id
limit $3
for update skip locked
