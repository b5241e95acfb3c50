-- A help desk that is always open, and has promised an answer within an hour and a solution within two: told of half an hour before, when it
-- is broken, and an hour after.
select desk.make_partitions(1, (now() at time zone 'UTC')::date - 2);
with people as (
    insert into core.users (email, full_name, role, locale, password_hash, email_verified_at)
    values ('inigo@mesa.example', 'Íñigo Zúñiga', 'agent', 'es', '-', now()),
           ('consuelo@mesa.example', 'Consuelo Güell', 'manager', 'es', '-', now()),
           ('oscar@cafes.example', 'Óscar Yáñez', 'client', 'es', '-', now())
    returning id, role
), calendar as (
    insert into desk.calendars (name, time_zone, is_always_open) values ('siempre', 'UTC', true) returning id
), client as (
    insert into desk.clients (name, calendar_id, without_contract) select 'Cafés del Quindío', id, 'serve' from calendar returning id
)
insert into desk.contacts (user_id, client_id) select people.id, client.id from people, client where role = 'client';
insert into desk.sla_policies (priority, first_response_minutes, resolution_minutes, warn_minutes, escalate_minutes) values ('normal', 60, 120, 30, '{60}');
