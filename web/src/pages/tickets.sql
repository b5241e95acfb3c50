-- A page of tickets, each with the deadline that comes next, or has passed; of one whose time stands still, only a deadline that had passed before.
--   $1 client, or all · $2 statuses · $3 priority, $4 category, $5 tag, each or all · $6 whose, or everybody's · $7 whether nobody's alone · $8 whether overdue
--   ones alone · $9 and $10 opened from which day to which, in zone $11, each or always · $12 the last ticket of the page before, and its deadline $13 · $14 how
--   many · $15 whether those alone that somebody has who does not work here any more
select t.id, t.title, c.name as client, t.status, t.void_reason is not null as is_void, t.priority, u.full_name as assignee, t.created_at, k.due_at,
    coalesce(k.due_at < now(), false) as is_overdue, coalesce(k.is_paused, false) as is_paused
from desk.tickets t
join desk.clients c on c.id = t.client_id
left join core.users u on u.id = t.assigned_to
left join lateral (
    select due_at, state = 'paused' as is_paused from desk.sla_clocks
    where ticket_id = t.id and cycle = t.cycle and state in ('running', 'paused')
    order by due_at
    limit 1
) k on true
where ($1::bigint is null or t.client_id = $1)
  and t.status = any ($2)
  {live}
  and ($3::text is null or t.priority = $3)
  and ($4::text is null or t.category = $4)
  and ($5::text is null or t.tags @> array[$5])
  and ($6::bigint is null or t.assigned_to = $6)
  and (not $7 or t.assigned_to is null)
  and (not $8 or k.due_at < now())
  and (not $15 or (t.assigned_to is not null and (u.disabled_at is not null or u.role not in ('agent', 'manager', 'admin'))))
  and ($9::date is null or t.created_at >= $9::timestamp at time zone $11)
  and ($10::date is null or t.created_at < ($10::date + 1)::timestamp at time zone $11)
  {after}
order by {order}
limit $14
