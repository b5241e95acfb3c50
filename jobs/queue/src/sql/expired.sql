-- Promises that have expired and have no end yet, some of them: whoever else is at one, be it a relay, leaves it to the next look. What runs
-- since before it expired is among them each time, so that the order must not be the same each time.
select id, queue, pushed_at is not null as is_pushed, to_timestamp((terms ->> 'expires_at')::bigint / 1000.0) as expires_at
from faena.outbox
where terms ? 'expires_at' and (terms ->> 'expires_at')::bigint < extract(epoch from clock_timestamp()) * 1000
order by random()
limit 100
for update skip locked
