-- What has become of ticket $1, opened at $2 by client $3, now of priority $4 and resolved at $5 (null: it is not): the latest $6 events, with the names of those
-- it was taken from and given to.
with noted as (
    select at, 2 as source, id, actor_id, action, detail
    from core.audit_log
    where subject = 'ticket:' || $1::bigint
    order by id desc
    limit $6
), told as (
    select a.created_at as at, 1 as source, a.id, null::bigint as actor_id, 'alert' as action,
        jsonb_build_object('promise', c.promise, 'level', a.level, 'due_at', a.due_at) as detail
    from desk.alerts a join desk.sla_clocks c on c.id = a.clock_id where a.ticket_id = $1
    union all
    select a.created_at, 1, a.id, null, 'alert', jsonb_build_object('promise', c.promise, 'level', a.level, 'due_at', a.due_at)
    from archive.alerts a join archive.sla_clocks c on c.id = a.clock_id where a.ticket_id = $1
), changed as (
    -- Changes of rules while there was something to do. Whose tickets they touched is judged by what the ticket and its client are now.
    select r.at, 0 as source, r.id, r.changed_by as actor_id, 'change_rules' as action, '{}'::jsonb as detail
    from desk.rule_changes r
    join desk.clients c on c.id = $3
    where r.at >= $2 and r.at < coalesce($5, 'infinity')
        and (r.client_id is null or r.client_id = c.id) and (r.calendar_id is null or r.calendar_id = c.calendar_id)
        and (r.priorities is null or $4 = any (r.priorities))
), events as (
    select * from noted union all select * from told union all select * from changed
    order by at desc, source desc, id desc
    limit $6
)
select e.at, actor.full_name as by, e.action, e.detail, taken.full_name as from_name, given.full_name as to_name
from events e
left join core.users actor on actor.id = e.actor_id
left join core.users taken on taken.id = case when e.action = 'assign_ticket' then (e.detail ->> 'from')::bigint end
left join core.users given on given.id = case when e.action = 'assign_ticket' then (e.detail ->> 'to')::bigint end
order by e.at desc, e.source desc, e.id desc
