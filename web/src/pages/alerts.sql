-- Alerts that nobody has taken note of, of promises that wait to be kept, the worst first; with $1 all of them, the latest first. At most $2.
select a.id, a.ticket_id, t.title, cl.name as client, u.full_name as assignee, c.promise, a.level, a.due_at, a.reached_at, a.created_at,
    a.acknowledged_at, n.full_name as acknowledged_by
from desk.alerts a
join desk.sla_clocks c on c.id = a.clock_id
join desk.tickets t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
join desk.clients cl on cl.id = t.client_id
left join core.users u on u.id = t.assigned_to
left join core.users n on n.id = a.acknowledged_by
where $1 or (a.acknowledged_at is null and c.state in ('running', 'paused')
    -- What was told of a clock last has the word.
    and not exists (select from desk.alerts later where later.clock_id = a.clock_id and later.id > a.id))
order by case when $1 then 0 else a.level end desc, case when $1 then null else a.due_at end, a.created_at desc, a.id desc
limit $2
