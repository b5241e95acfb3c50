-- Alerts of the last hour that were not said in the channel $1, told by the monitor or when somebody changed a ticket between two of its looks: those
-- whose promise waits to be kept still, that nobody has taken note of, and of each deadline the worst.
select a.id
from desk.alerts a
join desk.sla_clocks c on c.id = a.clock_id
where a.created_at > $2 - interval '1 hour'
    and a.acknowledged_at is null and c.state in ('running', 'paused') and c.due_at = a.due_at and c.level = a.level
    and not exists (select from core.chat_notices n where n.channel = $1 and n.key = 'sla:' || a.id)
