-- A page of what was told about deadlines of tickets at the desk, the latest first; or one of them.
--   $1 `open`, `acknowledged`, or null: all · $2 of which kind, $3 of which ticket, $4 of which client, each or all · $5, $6 time and number of the last alert of
--   the page before, or null · $7 that alert alone, or null · $8 how many · $9 of whose tickets, or everybody's · $10 whether of nobody's alone
select a.id, a.ticket_id as ticket, t.title as ticket_title, t.client_id as client, cl.name as client_name, t.assigned_to as assignee,
    u.full_name as assignee_name, c.promise, a.kind, a.level, a.due_at, a.reached_at, a.created_at, o.is_open, a.acknowledged_at, a.acknowledged_by,
    n.full_name as acknowledged_by_name
from desk.alerts a
join desk.sla_clocks c on c.id = a.clock_id
join desk.tickets t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
join desk.clients cl on cl.id = t.client_id
left join core.users u on u.id = t.assigned_to
left join core.users n on n.id = a.acknowledged_by
cross join lateral (
    -- A deadline that has moved, or is none while time stands still, waits for nobody; of each the worst has the word.
    select (a.acknowledged_at is null and c.state in ('running', 'paused') and c.due_at = a.due_at and c.level = a.level) is true as is_open
) o
where ($1::text is distinct from 'open' or (a.acknowledged_at is null and o.is_open))
  and ($1::text is distinct from 'acknowledged' or a.acknowledged_at is not null)
  and ($2::text is null or a.kind = $2)
  and ($3::bigint is null or a.ticket_id = $3)
  and ($4::bigint is null or t.client_id = $4)
  and ($9::bigint is null or t.assigned_to = $9)
  and (not $10 or t.assigned_to is null)
  and ($5::timestamptz is null or (a.created_at, a.id) < ($5, $6::bigint))
  and ($7::bigint is null or a.id = $7)
order by a.created_at desc, a.id desc
limit $8
