-- A page of tickets in the order that is asked for, each with the deadlines of its present cycle; or one of them, with what it is about.
--   $1 client, or all · $2 statuses · $3 priority, $4 category, $5 tag, $6 client that was asked for, $7 assignee, each or all
--   · $8 whether nobody's alone · $9 opened from, $10 opened before, or null · $11 the time, in the order of deadlines the deadline or null, and $12 the number of
--   the last ticket of the page before, or null · $13 that ticket alone, or null · $14 how many · $15 whether those alone that are overdue, or are not; or null
select t.id, t.lock_version as version, t.client_id as client, c.name as client_name, t.title, case when $13 = t.id then t.description end as description,
    t.category, t.tags, t.priority, t.status, t.created_by, t.assigned_to as assignee, u.full_name as assignee_name, t.created_at, t.updated_at,
    t.first_responded_at, t.resolved_at, t.closed_at, t.void_reason, t.merged_into, null::timestamptz as archived_at,
    -- Here it is asked of the tickets of the page alone.
    (select coalesce(jsonb_agg(jsonb_build_object('promise', s.promise, 'state', s.state, 'due_at', s.due_at, 'is_overdue',
        s.state in ('running', 'paused') and coalesce(s.due_at < now(), false)) order by s.promise), '[]')
    from desk.sla_clocks s
    where s.ticket_id = t.id and s.cycle = t.cycle) as deadlines
from desk.tickets t
join desk.clients c on c.id = t.client_id
left join core.users u on u.id = t.assigned_to
cross join lateral (
    -- The deadline that comes next, or has passed.
    select min(due_at) as due_at from desk.sla_clocks
    where ticket_id = t.id and cycle = t.cycle and state in ('running', 'paused')
) k
where ($1::bigint is null or t.client_id = $1)
  and t.status = any ($2)
  and ($3::text is null or t.priority = $3)
  and ($4::text is null or t.category = $4)
  and ($5::text is null or t.tags @> array[$5])
  and ($6::bigint is null or t.client_id = $6)
  and ($7::bigint is null or t.assigned_to = $7)
  and (not $8 or t.assigned_to is null)
  and ($9::timestamptz is null or t.created_at >= $9)
  and ($10::timestamptz is null or t.created_at < $10)
  and ($12::bigint is null or {behind})
  and ($13::bigint is null or t.id = $13)
  and ($15::boolean is null or coalesce(k.due_at < now(), false) = $15)
order by {order}
limit $14
