-- Ticket $1, if there is something to do and $2 has it, with the deadline that comes next, and the name of $3, who gave it to them.
select t.title, c.name as client, t.priority, k.due_at, g.full_name as by
from desk.tickets t
join desk.clients c on c.id = t.client_id
left join core.users g on g.id = $3
left join lateral (
    select min(due_at) as due_at from desk.sla_clocks
    where ticket_id = t.id and cycle = t.cycle and state in ('running', 'paused')
) k on true
where t.id = $1 and t.assigned_to = $2 and t.status in ('new', 'open', 'waiting_client')
