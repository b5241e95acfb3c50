-- What has become of the promises that count in the period, by the month in which they do (desk.promise_outcomes says when) and the priority for which they were
-- made. Where nothing is decided there is no share.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
with promises as (
    select to_char(o.counts_at at time zone $3, 'YYYY-MM') as month, t.client_id, coalesce(o.priority, t.priority) as priority, o.promise, o.outcome
    from desk.promise_outcomes o
    join desk.tickets t on (t.id, t.created_at) = (o.ticket_id, o.ticket_created_at)
    where o.counts_at >= $1 and o.counts_at < $2 and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
)
select p.month, c.name, p.priority, p.promise, count(*) filter (where outcome = 'kept'), count(*) filter (where outcome = 'broken'),
    count(*) filter (where outcome = 'undecided'),
    count(*) filter (where outcome = 'kept')::float8 / nullif(count(*) filter (where outcome <> 'undecided'), 0)
from promises p
join desk.clients c on c.id = p.client_id
group by p.month, c.id, c.name, p.priority, p.promise
order by p.month, lower(c.name), c.id, array_position(array['urgent', 'high', 'normal', 'low'], p.priority), p.promise
