-- Of the alerts that wait to be said in the channel $1, those that nobody need hear any more are withdrawn: their promise was kept or given up, has another
-- deadline or has come to worse since, somebody has taken note of it, or they are gone. By the rule of unsaid_alerts.sql. One that may have left already is
-- unknown.
with waiting as materialized (
    select id, substr(key, 5)::bigint as alert_id
    from core.chat_notices
    where channel = $1 and state in ('waiting', 'sending') and key ~ '^sla:[0-9]{1,18}$'
), over as (
    select w.id
    from waiting w
    left join desk.alerts a on a.id = w.alert_id
    left join desk.sla_clocks c on c.id = a.clock_id
    where (a.acknowledged_at is null and c.state in ('running', 'paused') and c.due_at = a.due_at and c.level = a.level) is not true
)
update core.chat_notices n
set state = case n.state when 'sending' then 'unknown' else 'withdrawn' end, updated_at = clock_timestamp()
from over where n.id = over.id
