-- Writes what has become of clocks: $1, an array with one object for each.
update desk.sla_clocks c
set policy_id = n.policy_id, policy_revision = n.policy_revision, priority = n.priority, calendar_id = n.calendar_id, calendar_revision = n.calendar_revision,
    target_s = n.target_s, warn_s = n.warn_s, escalate_s = n.escalate_s, state = n.state, consumed_s = n.consumed_s, counted_to = n.counted_to,
    warn_at = n.warn_at, due_at = n.due_at, escalate_at = n.escalate_at, level = n.level, next_at = n.next_at, stopped_at = n.stopped_at
from jsonb_populate_recordset(null::desk.sla_clocks, $1) n
where c.id = n.id
