-- A page of the alerts that nobody has taken note of, of promises that wait to be kept, the worst first.
--   $1 of which kind, or all · $2 the last alert of the page before · $3 how many · $4 of which somebody has just taken note: they stay where they were · $5 of whose
--   tickets, or everybody's
with shown as (
    select a.id
    from desk.alerts a
    join desk.sla_clocks c on c.id = a.clock_id
    -- A deadline that has moved, or is none while time stands still, waits for nobody; of each the worst has the word.
    where a.acknowledged_at is null and c.state in ('running', 'paused') and c.due_at = a.due_at and c.level = a.level
    union
    select id from desk.alerts where id = any ($4)
)
select a.id, a.ticket_id, t.title, cl.name as client, u.full_name as assignee, c.promise, a.level, a.due_at, a.reached_at, a.created_at,
    a.acknowledged_at, n.full_name as acknowledged_by
from shown
join desk.alerts a on a.id = shown.id
join desk.sla_clocks c on c.id = a.clock_id
join desk.tickets t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
join desk.clients cl on cl.id = t.client_id
left join core.users u on u.id = t.assigned_to
left join core.users n on n.id = a.acknowledged_by
where ($1::text is null or a.kind = $1)
    and ($5::bigint is null or t.assigned_to = $5)
    and ($2::bigint is null or (-a.level, a.due_at, -a.id) > (select -l.level, l.due_at, -l.id from desk.alerts l where l.id = $2))
order by -a.level, a.due_at, -a.id
limit $3
