-- Six hundred tickets of the last 120 days, of every sort, by chance. Of each: when it was opened, answered and resolved; its priority, status and whose it
-- is; some are void. Its clocks: met, missed, running, paused or void, some of a second cycle. No deadline is so near that it passes while somebody looks,
-- and none is about to be so many days old.
select desk.make_partitions(3, (now() - interval '130 days')::date);
with dice as materialized (
    select n, date_trunc('second', now() - age - case when extract(epoch from age) % 86400 > 84600 then interval '40 minutes' else interval '0' end) as created_at,
        a, b, c, d, e
    from (
        select n, random() * 120 * interval '1 day' + interval '10 minutes' as age, random() as a, random() as b, random() as c, random() as d, random() as e
        from generate_series(1, 600) n
    ) drawn
), lives as materialized (
    select *, least(created_at + (c * c * 40) * interval '1 hour', now()) as answered_at,
        case when a < 0.6 then least(created_at + (c * c * 40 + d * d * 300) * interval '1 hour', now()) end as resolved_at
    from dice
)
insert into desk.tickets (created_at, client_id, title, description, priority, status, created_by, assigned_to, first_responded_at, resolved_at, closed_at, void_reason,
    cycle, updated_at)
select created_at, (select min(id) from desk.clients), 'Asunto ' || n, '-', (array['low', 'normal', 'high', 'urgent'])[1 + floor(b * 4)],
    case when a < 0.3 then 'closed' when a < 0.6 then 'resolved' when a < 0.7 then 'new' when a < 0.85 then 'open' else 'waiting_client' end,
    (select id from core.users where role = 'client' limit 1),
    case when e < 0.4 then (select id from core.users where email = 'agente@faena.example') when e < 0.6 then (select id from core.users where role = 'manager' limit 1) end,
    case when a < 0.6 or a >= 0.7 then answered_at end, resolved_at, case when a < 0.3 then resolved_at end, case when a < 0.05 then 'mistake' end,
    case when e > 0.9 then 2 else 1 end, created_at
from lives;
-- Those that were opened again were so half-way.
with dice as materialized (
    select t.*, p.promise, y.cycle as of_cycle, random() as a, random() as b
    from desk.tickets t
    cross join (values ('first_response'), ('resolution')) p (promise)
    cross join lateral generate_series(1, t.cycle) y (cycle)
), judged as materialized (
    select *, case promise when 'first_response' then first_responded_at else resolved_at end as ended_at,
        -- An hour from now at least, or ago.
        case when b < 0.8 then created_at + (b * b * 60) * interval '1 hour' else now() + (b - 0.79) * interval '100 hours' end as drawn_at
    from dice
), due as materialized (
    select *, case when abs(extract(epoch from drawn_at - now())) < 3600 then drawn_at - interval '2 hours' else drawn_at end as due_at from judged
), placed as (
    -- A warning is ten minutes from now at least, or ago.
    select *, greatest(due_at, created_at) as deadline,
        (select w - case when abs(extract(epoch from w - now())) < 600 then interval '20 minutes' else interval '0' end
         from (select greatest(due_at, created_at) - (b * 20) * interval '1 hour' - interval '10 minutes' as w) drawn) as warned_at,
        case when a < 0.08 then 'void' when ended_at is not null then case when ended_at <= greatest(due_at, created_at) then 'met' else 'missed' end
            when a < 0.2 then 'paused' else 'running' end as state
    from due
)
insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, state, started_at, consumed_s,
    counted_to, warn_at, due_at, next_at, stopped_at)
select id, created_at, promise, of_cycle, (select min(id) from desk.calendars), 1, 3600, 1800, state,
    case of_cycle when 1 then created_at else created_at + (coalesce(resolved_at, now()) - created_at) / 2 end, 0, created_at,
    case when state <> 'paused' or deadline < now() then warned_at end,
    case when state <> 'paused' or deadline < now() then deadline end,
    case when state = 'running' then deadline end, case when state in ('met', 'missed', 'void') then coalesce(ended_at, created_at) end
from placed;
-- Some tickets had another priority when something was promised for them, and of some nobody has noted which.
update desk.sla_clocks set priority = (array['low', 'normal', 'high', 'urgent'])[1 + floor(random() * 4)] where id % 3 <> 0;
analyze desk.tickets, desk.sla_clocks;
