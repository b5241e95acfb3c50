-- Writes a clock that has begun: ticket $1 of $2, promise $3, cycle $4, and the rest of it ($5).
insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, policy_id, policy_revision, calendar_id, calendar_revision, target_s, warn_s,
    escalate_s, state, started_at, consumed_s, counted_to, warn_at, due_at, escalate_at, level, next_at, priority)
select $1, $2, $3, $4, n.policy_id, n.policy_revision, n.calendar_id, n.calendar_revision, n.target_s, n.warn_s,
    n.escalate_s, n.state, n.counted_to, n.consumed_s, n.counted_to, n.warn_at, n.due_at, n.escalate_at, n.level, n.next_at, n.priority
from jsonb_populate_record(null::desk.sla_clocks, $5) n
returning id
