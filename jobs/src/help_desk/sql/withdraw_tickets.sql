-- Of the new tickets that wait to be said in the channel $1, those that nobody need hear any more are withdrawn: somebody has taken them up, they were made void,
-- or they are gone. By the rule of unsaid_tickets.sql. One that may have left already is unknown.
with waiting as materialized (
    select id, substr(key, 8)::bigint as ticket_id
    from core.chat_notices
    where channel = $1 and state in ('waiting', 'sending') and key ~ '^ticket:[0-9]{1,18}$'
), over as (
    select w.id
    from waiting w
    left join desk.tickets t on t.id = w.ticket_id
    where (t.status = 'new' and t.assigned_to is null) is not true
)
update core.chat_notices n
set state = case n.state when 'sending' then 'unknown' else 'withdrawn' end, updated_at = clock_timestamp()
from over where n.id = over.id
