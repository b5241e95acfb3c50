-- What is wrong with what was told about deadlines, worked out from the policy (open.sql), from when tickets were opened and answered, and from
-- nothing that the monitor has worked out: it is always open, an answer is due after 60 minutes and a solution after 120, told of 30 minutes
-- before, when it is broken, and 60 minutes after. One row a mistake.
--   the last look began when the last job of the monitor was promised
with last_look as (
    select max(enqueued_at) as at from faena.jobs where name = 'monitor_sla' and state = 'completed'
), answered as (
    select ticket_id, min(created_at) as at from desk.comments where not is_internal group by ticket_id
), promises as (
    -- Until when time ran: to the answer, or on and on.
    select t.id as ticket, 'first_response' as promise, t.created_at + interval '60 min' as due_at, a.at as kept_at
    from desk.tickets t left join answered a on a.ticket_id = t.id
    union all
    select t.id, 'resolution', t.created_at + interval '120 min', null from desk.tickets t
), must as (
    select ticket, promise, level, reached_at
    from promises p cross join last_look l
    cross join lateral (values (1, due_at - interval '30 min'), (2, due_at), (3, due_at + interval '60 min')) marks (level, reached_at)
    where reached_at < least(l.at, coalesce(kept_at, l.at))
), highest as (
    select ticket, promise, max(level) as level from must group by ticket, promise
), told as (
    select a.id, a.ticket_id as ticket, c.promise, a.level, a.after_level, a.due_at, a.created_at,
           lag(a.level, 1, 0::smallint) over (partition by a.ticket_id, c.promise order by a.level, a.id) as before
    from desk.alerts a join desk.sla_clocks c on c.id = a.clock_id
), addressed as (
    select alert::bigint as alert, (j.args ->> 'user_id')::bigint as reader, count(*) as times
    from faena.jobs j, jsonb_array_elements_text(j.args -> 'alert_ids') alert
    where j.name = 'notify_sla_alert' group by 1, 2
), readers as (
    -- No ticket is anybody's here, so that managers are told of each.
    select told.id as alert, told.ticket, u.id as reader from told, core.users u where u.role = 'manager' and u.disabled_at is null
)
select h.ticket, format('%s: nothing was told of level %s', h.promise, h.level)
from highest h
where not exists (select from told t where (t.ticket, t.promise) = (h.ticket, h.promise) and t.level >= h.level)
    -- An answer between the mark and the next look ends the promise before anything can be told of it.
    and not exists (select from answered a where a.ticket_id = h.ticket and h.promise = 'first_response')
union all
select t.ticket, format('%s: level %s was told after %s, and after %s was told', t.promise, t.level, t.after_level, t.before)
from told t where t.level <= t.before or t.after_level <> t.before
union all
select t.ticket, format('%s: level %s was told too early', t.promise, t.level)
from told t join promises p on (p.ticket, p.promise) = (t.ticket, t.promise)
where t.created_at < p.due_at + case t.level when 1 then interval '-30 min' when 2 then interval '0' else interval '60 min' end
    or t.due_at <> p.due_at
union all
select r.ticket, format('alert %s stands in %s letters to user %s', r.alert, coalesce(a.times, 0), r.reader)
from readers r left join addressed a on (a.alert, a.reader) = (r.alert, r.reader)
where coalesce(a.times, 0) <> 1
