-- A desk with fifty days of tickets of every sort around the day on which Madrid's clock goes back: two managers and two agents, three clients, of
-- whom one has nothing.
select desk.make_partitions(3, '2026-09-01');
insert into core.users (email, full_name, role, locale, time_zone, password_hash, email_verified_at, created_at)
values ('consuelo@mesa.example', 'Consuelo Güell', 'manager', 'es', 'Europe/Madrid', '-', now(), '2026-01-01'),
       ('inigo@mesa.example', 'Íñigo "el Rápido" Zúñiga', 'agent', 'es', 'America/Bogota', '-', now(), '2026-01-01'),
       ('grace@mesa.example', 'Grace Obi, Jr.', 'agent', 'en', 'Europe/Madrid', '-', now(), '2026-01-01'),
       ('ada@mesa.example', 'Ada Admin', 'admin', 'en', 'UTC', '-', now(), '2026-01-01'),
       ('oscar@cafes.example', 'Óscar Yáñez', 'client', 'es', 'America/Bogota', '-', now(), '2026-01-01');
with calendar as (insert into desk.calendars (name, time_zone, is_always_open) values ('Siempre', 'UTC', true) returning id)
insert into desk.clients (name, calendar_id) select name, id from calendar, unnest(array['Cafés del Quindío', 'banco "Sol", S. A.', 'Nada y Cía.']) name;
with numbered as (
    select n, timestamptz '2026-09-20 00:00+00' + n * interval '3 hours 17 minutes' as created_at,
        case when n % 5 <> 0 then (n % 7 + 1) * interval '13 minutes 7 seconds' + (n % 3) * interval '1 hour' end as answered_after,
        case when n % 5 <> 0 and n % 3 <> 1 then interval '5 hours' + (n % 11) * interval '9 hours 41 minutes 13 seconds' end as resolved_after
    from generate_series(1, 400) n
)
insert into desk.tickets (created_at, client_id, title, description, category, priority, status, created_by, assigned_to, first_responded_at, resolved_at,
    closed_at, void_reason, updated_at)
select n.created_at, (select id from desk.clients order by id limit 1 offset n % 2), 'Asunto ' || n, '-',
    (array['access', 'hardware', 'network'])[n % 3 + 1], (array['low', 'normal', 'high', 'urgent'])[n % 4 + 1],
    case when resolved_after is null then case when n % 2 = 0 then 'open' else 'new' end when n % 4 = 0 then 'closed' else 'resolved' end,
    (select id from core.users where role = 'client'),
    case when n % 6 <> 0 then (select id from core.users where role = 'agent' order by id limit 1 offset n % 2) end,
    n.created_at + answered_after, n.created_at + resolved_after, case when n % 4 = 0 then n.created_at + resolved_after end,
    case when n % 8 = 0 and resolved_after is not null then 'duplicate' end, n.created_at
from numbered n;
-- Two hours for a first answer, two days for a solution; every tenth clock is void, every ninth running one has all the time of the world.
insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, state, started_at, consumed_s,
    counted_to, warn_at, due_at, next_at, stopped_at)
select t.id, t.created_at, p.promise, 1, c.calendar_id, 1, extract(epoch from p.within), 0, k.state, t.created_at, 0, t.created_at,
    case when k.state = 'paused' then null else k.due_at end, case when k.state = 'paused' then null else k.due_at end,
    case when k.state = 'running' then k.due_at end, case when k.state in ('met', 'missed', 'void') then coalesce(p.stopped_at, t.created_at) end
from desk.tickets t
join desk.clients c on c.id = t.client_id
cross join lateral (values ('first_response', interval '2 hours', t.first_responded_at), ('resolution', interval '2 days', t.resolved_at)) p (promise, within, stopped_at)
cross join lateral (
    select case when t.id % 10 = 0 then 'void' when p.stopped_at is null then case when t.id % 7 = 0 then 'paused' else 'running' end
            when p.stopped_at <= t.created_at + p.within then 'met' else 'missed' end as state,
        case when p.stopped_at is null and t.id % 9 = 0 then timestamptz '2099-01-01 00:00+00' else t.created_at + p.within end as due_at
) k;
-- Some of those that are solved had been closed before and were opened again, an hour and a half before they were; for every other of them something was promised
-- for that anew.
update desk.tickets set cycle = 2 where (id % 13 = 0 or id % 17 = 0) and resolved_at is not null;
insert into desk.sla_clocks (ticket_id, ticket_created_at, promise, cycle, calendar_id, calendar_revision, target_s, warn_s, state, started_at, consumed_s,
    counted_to, warn_at, due_at, stopped_at)
select t.id, t.created_at, p.promise, 2, c.calendar_id, 1, 7200, 0, 'met', p.began_at, 0, p.began_at, p.began_at + interval '2 hours', p.began_at + interval '2 hours',
    t.resolved_at
from desk.tickets t
join desk.clients c on c.id = t.client_id
cross join lateral (values ('first_response', t.resolved_at - interval '1 hour 30 minutes'), ('resolution', t.resolved_at - interval '1 hour 20 minutes')) p (promise, began_at)
where t.cycle = 2 and t.id % 13 = 0;
-- Some tickets had another priority when something was promised for them.
update desk.sla_clocks set priority = (array['low', 'normal', 'high', 'urgent'])[ticket_id % 4 + 1] where id % 3 = 0;
-- Of the later ones that are void, some are for another reason, and some of the duplicates go on in the first ticket of their client's.
update desk.tickets set void_reason = case when id % 3 = 0 then 'spam' else 'mistake' end
where void_reason is not null and id % 16 = 0 and created_at > '2026-10-20';
update desk.tickets t set merged_into = (select min(o.id) from desk.tickets o where o.client_id = t.client_id)
where t.void_reason = 'duplicate' and t.created_at > '2026-10-20';
