-- A page of tickets, the newest first, each with the deadline that comes next.
--   $1 client, or all · $2 statuses · $3 priority, $4 category, $5 tag, each or all · $6 whose, or everybody's · $7 whether nobody's alone
--   · $8 the last ticket of the page before · $9 how many
select t.id, t.title, c.name as client, t.status, t.priority, u.full_name as assignee, t.created_at, k.due_at, coalesce(k.due_at < now(), false) as is_overdue
from desk.tickets t
join desk.clients c on c.id = t.client_id
left join core.users u on u.id = t.assigned_to
left join lateral (
    select due_at from desk.sla_clocks
    where ticket_id = t.id and cycle = t.cycle and state = 'running'
    order by due_at
    limit 1
) k on true
where ($1::bigint is null or t.client_id = $1)
  and t.status = any ($2)
  and ($3::text is null or t.priority = $3)
  and ($4::text is null or t.category = $4)
  and ($5::text is null or t.tags @> array[$5])
  and ($6::bigint is null or t.assigned_to = $6)
  and (not $7 or t.assigned_to is null)
  and ($8::bigint is null or (t.created_at, t.id) < (select a.created_at, a.id from desk.tickets a where a.id = $8))
order by t.created_at desc, t.id desc
limit $9
