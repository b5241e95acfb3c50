-- How the desk's time went, by client: what came, what was answered and solved, what is left, and what became of the promises that
-- count in the period (desk.promise_outcomes says when).
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
with tickets as (
    select t.client_id, count(*) filter (where t.created_at >= $1) as opened,
        count(*) filter (where t.first_responded_at >= $1 and t.first_responded_at < $2) as answered,
        count(*) filter (where t.void_reason is null and t.resolved_at >= $1 and t.resolved_at < $2) as resolved,
        count(*) filter (where t.resolved_at is null or t.resolved_at >= $2) as open
    from desk.tickets t
    where t.created_at < $2 and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
    group by t.client_id
), promises as (
    select t.client_id, count(*) filter (where o.outcome = 'kept') as kept, count(*) filter (where o.outcome = 'broken') as broken
    from desk.promise_outcomes o
    join desk.tickets t on (t.id, t.created_at) = (o.ticket_id, o.ticket_created_at)
    where o.counts_at >= $1 and o.counts_at < $2 and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
    group by t.client_id
)
select c.name, coalesce(t.opened, 0), coalesce(t.answered, 0), coalesce(t.resolved, 0), coalesce(t.open, 0), coalesce(p.kept, 0), coalesce(p.broken, 0),
    p.kept::float8 / nullif(p.kept + p.broken, 0)
from desk.clients c
left join tickets t on t.client_id = c.id
left join promises p on p.client_id = c.id
where ($4::bigint is null or c.id = $4)
    and (coalesce(t.opened + t.answered + t.resolved + t.open, 0) > 0 or coalesce(p.kept + p.broken, 0) > 0)
order by lower(c.name), c.id
