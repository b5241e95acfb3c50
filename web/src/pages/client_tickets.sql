-- Tickets of client $1 that are not resolved, the next deadline first, or the one that has passed: $2 of them.
select t.id, t.title, t.status, t.priority, k.due_at, coalesce(k.due_at < now(), false) as is_overdue, coalesce(k.is_paused, false) as is_paused
from desk.tickets t
left join lateral (
    select due_at, state = 'paused' as is_paused from desk.sla_clocks
    where ticket_id = t.id and cycle = t.cycle and state in ('running', 'paused')
    order by due_at
    limit 1
) k on true
where t.client_id = $1 and t.status in ('new', 'open', 'waiting_client')
order by k.due_at nulls last, t.id
limit $2
