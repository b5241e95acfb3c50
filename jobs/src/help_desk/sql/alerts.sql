-- The alerts $1 with what they are about, the worst first.
select a.id, a.ticket_id, t.title, cl.name as client, c.promise, c.state, a.level,
    (c.due_at = a.due_at and c.level = a.level) is true as is_latest, a.due_at, a.reached_at, a.created_at, a.acknowledged_at
from desk.alerts a
join desk.sla_clocks c on c.id = a.clock_id
join desk.tickets t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
join desk.clients cl on cl.id = t.client_id
where a.id = any ($1)
order by a.level desc, a.due_at, a.id
