-- A page of tickets that were put away, the newest first, each with the deadlines of its last cycle; or one of them, with what it is about.
--   $1 client, or all · $2 client that was asked for, or all · $3 opened from, $4 opened before, or null · $5, $6 time and number of the last ticket of the page
--   before, or null · $7 that ticket alone, or null · $8 how many · from $9 on words, each of which its title has
select t.id, t.lock_version as version, t.client_id as client, c.name as client_name, t.title,
    case when $7::bigint is not null then t.description end as description, t.category, t.tags, t.priority, t.status, t.created_by, t.assigned_to as assignee,
    u.full_name as assignee_name, t.created_at, t.updated_at, t.first_responded_at, t.resolved_at, t.closed_at, t.void_reason, t.merged_into, t.archived_at,
    k.deadlines
from archive.tickets t
join desk.clients c on c.id = t.client_id
left join core.users u on u.id = t.assigned_to
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('promise', s.promise, 'state', s.state, 'due_at', s.due_at, 'is_overdue', false) order by s.promise), '[]')
        as deadlines
    from archive.sla_clocks s
    where s.ticket_id = t.id and s.cycle = t.cycle
) k
where ($1::bigint is null or t.client_id = $1)
  and ($2::bigint is null or t.client_id = $2)
  and ($3::timestamptz is null or t.created_at >= $3)
  and ($4::timestamptz is null or t.created_at < $4)
  and ($5::timestamptz is null or (t.created_at, t.id) < ($5, $6::bigint))
  and ($7::bigint is null or t.id = $7)
  {words}
order by t.created_at desc, t.id desc
limit $8
