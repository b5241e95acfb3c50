-- Writes a policy over the one of the same client and priority.
--   $1 client (null: all that have none of their own), $2 priority, $3 and $4 minutes promised, $5 warned before, $6 escalated after, $7 whether it pauses
insert into desk.sla_policies (client_id, priority, first_response_minutes, resolution_minutes, warn_minutes, escalate_minutes, pauses_while_waiting)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (client_id, priority) do update set
    first_response_minutes = excluded.first_response_minutes, resolution_minutes = excluded.resolution_minutes,
    warn_minutes = excluded.warn_minutes, escalate_minutes = excluded.escalate_minutes, pauses_while_waiting = excluded.pauses_while_waiting,
    revision = sla_policies.revision + 1
