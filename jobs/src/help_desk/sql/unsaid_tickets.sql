-- Tickets of the last hour before $2 that were not said in the channel $1: those that somebody of a client has opened and nobody has taken up, the oldest first,
-- $3 at most.
select t.id, t.title, c.name as client, t.priority
from desk.tickets t
join desk.clients c on c.id = t.client_id
join core.users u on u.id = t.created_by
where t.created_at > $2 - interval '1 hour' and t.created_at <= $2
    and t.status = 'new' and t.assigned_to is null and u.role = 'client'
    and not exists (select from core.chat_notices n where n.channel = $1 and n.key = 'ticket:' || t.id)
order by t.created_at, t.id
limit $3
