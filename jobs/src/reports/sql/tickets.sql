-- Every ticket that was opened in the period, in the order in which they were, with what has become of its promises. One that was taken back when it was overdue
-- has been missed and was not kept: overdue is what it is called. One that is void was closed and not solved; its state says why, and with which ticket it goes on.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
select t.id, t.created_at, c.name, t.title, t.category, t.priority,
    case when t.void_reason is null then t.status when t.merged_into is not null then 'void_duplicate_of#' || t.merged_into else 'void_' || t.void_reason end as status,
    a.full_name, t.first_responded_at, case when t.void_reason is null then t.resolved_at end as resolved_at, t.closed_at,
    case when f.state in ('running', 'paused') and f.due_at < now() or f.state = 'missed' and t.first_responded_at is null then 'overdue' else f.state end as first_response,
    case when r.state in ('running', 'paused') and r.due_at < now() or r.state = 'missed' and t.resolved_at is null then 'overdue' else r.state end as resolution
from desk.tickets t
join desk.clients c on c.id = t.client_id
left join core.users a on a.id = t.assigned_to
left join desk.sla_clocks f on (f.ticket_id, f.promise, f.cycle) = (t.id, 'first_response', t.cycle)
left join desk.sla_clocks r on (r.ticket_id, r.promise, r.cycle) = (t.id, 'resolution', t.cycle)
where t.created_at >= $1 and t.created_at < $2 and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
order by t.created_at, t.id
