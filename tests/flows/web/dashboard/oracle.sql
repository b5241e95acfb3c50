-- What the dashboard must say, worked out from the rows one figure at a time: by the days on which things happened, and not by instants.
--   $1 zone · $2 how many days, the last of them today · $3 whose tickets, or everybody's
with ask as (
    select $1::text as zone, (now() at time zone $1)::date as today, (now() at time zone $1)::date - $2::int + 1 as first, $3::bigint as agent
), tickets as (
    select t.*, (t.created_at at time zone zone)::date as opened_on, (t.first_responded_at at time zone zone)::date as answered_on,
        (t.resolved_at at time zone zone)::date as resolved_on,
        -- When it was opened, or opened again after it was closed.
        case t.cycle when 1 then t.created_at else (select c.started_at from desk.sla_clocks c where c.ticket_id = t.id and c.cycle = t.cycle order by 1 limit 1) end as begun_at
    from desk.tickets t, ask where agent is null or t.assigned_to is not distinct from agent
), promises as (
    -- Each under the priority that it was made for, whatever the ticket is now; where nobody noted that, under the ticket's.
    select c.promise, coalesce(c.priority, t.priority) as priority, c.state, c.due_at, c.warn_at, (c.due_at at time zone zone)::date as due_on, (c.stopped_at at time zone zone)::date as stopped_on
    from desk.sla_clocks c join tickets t on t.id = c.ticket_id, ask
), lines as (
    select promise, priority, promise_at * 10 + priority_at as line
    from (values ('first_response', 0), ('resolution', 1)) p (promise, promise_at),
        (values (null, 0), ('urgent', 1), ('high', 2), ('normal', 3), ('low', 4)) q (priority, priority_at)
), counted as (
    select l.*,
        (select count(*) from promises c, ask where c.promise = l.promise and c.priority = coalesce(l.priority, c.priority)
            and c.state = 'met' and c.stopped_on between first and today) as kept,
        (select count(*) from promises c, ask where c.promise = l.promise and c.priority = coalesce(l.priority, c.priority)
            and (c.state = 'missed' or (c.state in ('running', 'paused') and c.due_at < now())) and c.due_on between first and today) as broken,
        (select count(*) from promises c where c.promise = l.promise and c.priority = coalesce(l.priority, c.priority)
            and c.state in ('running', 'paused') and c.due_at < now()) as overdue,
        (select count(*) from promises c where c.promise = l.promise and c.priority = coalesce(l.priority, c.priority)
            and c.state = 'running' and now() between c.warn_at and c.due_at) as near
    from lines l
), took as (
    select l.line, extract(epoch from t.at - t.created_at) as seconds
    from lines l
    join (select 'first_response' as promise, priority, created_at, first_responded_at as at, answered_on as day from tickets
          union all select 'resolution', priority, begun_at, resolved_at, resolved_on from tickets where void_reason is null) t
        on t.promise = l.promise and t.priority = coalesce(l.priority, t.priority), ask
    where t.day between first and today
), ranked as (
    select line, seconds, row_number() over (partition by line order by seconds) - 1 as place, count(*) over (partition by line) - 1 as last from took
), quantiles as (
    -- Between the two places that the part falls between, by as much as it does.
    select line, part, sum(seconds * (1 - abs(place - part * last))) as seconds
    from ranked, (values (0.5), (0.9)) p (part)
    where abs(place - part * last) < 1
    group by line, part
), timed as (
    select l.line, (select count(*) from took t where t.line = l.line) as count,
        (select round(sum(seconds) / count(*)) from took t where t.line = l.line having count(*) > 0) as mean,
        (select round(seconds) from quantiles q where q.line = l.line and part = 0.5) as median,
        (select round(seconds) from quantiles q where q.line = l.line and part = 0.9) as p90
    from lines l
), statuses as (
    select * from (values ('new', 0), ('open', 1), ('waiting_client', 2), (null, 3)) s (status, place)
), ages as (
    select * from (values (0, interval '0', interval '1 day'), (1, '1 day', '3 days'), (2, '3 days', '7 days'), (3, '7 days', '30 days'), (4, '30 days', '1000 years'))
        a (age, least, most)
), days as (
    select first + n as day from ask, generate_series(0, today - first) n
)
select jsonb_build_object(
    'promises', (select jsonb_agg(jsonb_build_array(kept::text, broken::text, case when kept + broken = 0 then '—' else
            replace(to_char(floor(kept * 1000.0 / (kept + broken)) / 10, 'FM990.0'), '.', ',') || e'\u202f%' end, overdue::text, near::text) order by line) from counted),
    'times', (select jsonb_agg(jsonb_build_array(count::text, coalesce(mean::bigint::text, '—'), coalesce(median::bigint::text, '—'),
            coalesce(p90::bigint::text, '—')) order by line) from timed),
    'backlog', (select jsonb_agg((select jsonb_agg((select count(*)::text from tickets t where t.resolved_at is null
                and t.status = coalesce(s.status, t.status) and t.priority = coalesce(l.priority, t.priority)) order by l.line)
            from lines l where l.promise = 'resolution') order by place) from statuses s),
    'ages', (select jsonb_agg(jsonb_build_array((select count(*)::text from tickets t where t.resolved_at is null
            and now() - t.created_at >= a.least and now() - t.created_at < a.most)) order by age) from ages a),
    'days', (select jsonb_agg(jsonb_build_array(day::text, (select count(*)::text from tickets where opened_on = day),
            (select count(*)::text from tickets where resolved_on = day and void_reason is null),
            (select count(*)::text from tickets where opened_on <= day and (resolved_on is null or resolved_on > day))) order by day desc) from days)
)
