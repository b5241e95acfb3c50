-- What has become of the promises of the period's tickets, by the month in which a ticket was opened. A promise that is late counts as broken from
-- its deadline on, and not only once somebody has kept it late; one whose time has not come is neither. Where nothing is decided there is no share.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
with promises as (
    select to_char(t.created_at at time zone $3, 'YYYY-MM') as month, t.client_id, t.priority, c.promise,
        c.state = 'met' as is_kept, c.state = 'missed' or (c.state in ('running', 'paused') and coalesce(c.due_at < now(), false)) as is_broken
    from desk.tickets t
    join desk.sla_clocks c on (c.ticket_id, c.ticket_created_at) = (t.id, t.created_at)
    where t.created_at >= $1 and t.created_at < $2 and ($4::bigint is null or t.client_id = $4)
        and ($5::bigint is null or t.assigned_to = $5) and c.state <> 'void'
)
select p.month, c.name, p.priority, p.promise, count(*) filter (where is_kept), count(*) filter (where is_broken),
    count(*) filter (where not is_kept and not is_broken),
    count(*) filter (where is_kept)::float8 / nullif(count(*) filter (where is_kept or is_broken), 0)
from promises p
join desk.clients c on c.id = p.client_id
group by p.month, c.id, c.name, p.priority, p.promise
order by p.month, lower(c.name), c.id, array_position(array['urgent', 'high', 'normal', 'low'], p.priority), p.promise
