-- Opens a ticket at $1: client $2, title $3, what it is about $4, category $5, tags $6, priority $7, by $8, under contract $9.
insert into desk.tickets as t (created_at, client_id, title, description, category, tags, priority, created_by, contract_id, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $1)
returning t.id, t.created_at, t.client_id, t.title, t.description, t.category, t.tags, t.priority, t.status, t.created_by, t.assigned_to,
    t.contract_id, t.first_responded_at, t.resolved_at, t.closed_at, t.void_reason, t.merged_into, t.cycle,
    t.lock_version, t.updated_at
