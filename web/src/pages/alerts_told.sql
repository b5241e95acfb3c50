-- A page of all alerts that were ever told, the latest first.
--   $1 of which kind, or all · $2 the last alert of the page before · $3 how many · $4 those alone of which somebody has taken note · $5 of whose tickets,
--   or everybody's
select a.id, a.ticket_id, t.title, cl.name as client, u.full_name as assignee, c.promise, a.level, a.due_at, a.reached_at, a.created_at,
    a.acknowledged_at, n.full_name as acknowledged_by
from desk.alerts a
join desk.sla_clocks c on c.id = a.clock_id
join desk.tickets t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
join desk.clients cl on cl.id = t.client_id
left join core.users u on u.id = t.assigned_to
left join core.users n on n.id = a.acknowledged_by
where ($1::text is null or a.kind = $1)
    and ($5::bigint is null or t.assigned_to = $5)
    and (not $4 or a.acknowledged_at is not null)
    and ($2::bigint is null or (a.created_at, a.id) < (select l.created_at, l.id from desk.alerts l where l.id = $2))
order by a.created_at desc, a.id desc
limit $3
