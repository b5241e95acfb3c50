-- Alerts of the last hour that were not said in the channel $1, told by the monitor or when somebody changed a ticket between two of its looks.
select a.id
from desk.alerts a
where a.created_at > $2 - interval '1 hour'
    and not exists (select from core.chat_notices n where n.channel = $1 and n.key = 'sla:' || a.id)
