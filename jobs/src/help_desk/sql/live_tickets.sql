-- The next live tickets that a change of rules touches, in order of their numbers, locked; those that were opened after it know it.
--   $1 of clients with that calendar · $2 of that client · $3 of these priorities (null: of all) · $4 opened by · $5 after that number · $6 how many
select t.id, t.created_at, t.client_id, t.title, t.description, t.category, t.tags, t.priority, t.status, t.created_by, t.assigned_to,
    t.contract_id, t.first_responded_at, t.resolved_at, t.closed_at, t.void_reason, t.merged_into, t.cycle,
    t.lock_version, t.updated_at
from desk.tickets t
join desk.clients c on c.id = t.client_id
where t.status in ('new', 'open', 'waiting_client') and t.created_at <= $4 and t.id > $5
    and ($1::bigint is null or c.calendar_id = $1) and ($2::bigint is null or t.client_id = $2) and ($3::text[] is null or t.priority = any ($3))
order by t.id
limit $6
for no key update of t
