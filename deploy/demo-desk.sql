-- The demo's help desk: calendars, policies, and two clients, one of which the demo's client opens tickets for. Applied with psql by deploy/up after
-- demo.sql. Applying it again changes nothing. Tickets are opened in the pages.

do $demo$
declare
    office bigint;
    always bigint;
    coffee bigint;
begin
    if exists (select from desk.clients) then
        return;
    end if;
    insert into desk.calendars (name, time_zone) values ('Oficina de Bogotá', 'America/Bogota') returning id into office;
    insert into desk.calendar_hours (calendar_id, weekday, opens_minute, closes_minute)
    select office, weekday, 8 * 60, 18 * 60 from generate_series(1, 5) weekday;
    -- Colombia's holidays that fall on the same day each year (ley 51 de 1983), of this year and the next.
    insert into desk.calendar_holidays (calendar_id, day, name)
    select office, make_date(year, h.month, h.day), h.name
    from generate_series(extract(year from now())::integer, extract(year from now())::integer + 1) year,
        (values (1, 1, 'Año Nuevo'), (5, 1, 'Día del Trabajo'), (7, 20, 'Independencia'), (8, 7, 'Batalla de Boyacá'),
                (12, 8, 'Inmaculada Concepción'), (12, 25, 'Navidad')) as h (month, day, name);
    insert into desk.calendars (name, time_zone, is_always_open) values ('Día y noche', 'UTC', true) returning id into always;
    insert into desk.sla_policies (priority, first_response_minutes, resolution_minutes, warn_minutes, escalate_minutes) values
        ('low', 480, null, 60, '{240}'),
        ('normal', 240, 1440, 30, '{60, 240}'),
        ('high', 60, 480, 30, '{60}'),
        ('urgent', 15, 120, 10, '{30, 60}');
    insert into desk.clients (name, calendar_id) values ('Cafés del Quindío S. A.', office) returning id into coffee;
    insert into desk.contracts (client_id, reference, starts_on) values (coffee, 'CQ-1', current_date - 200);
    insert into desk.contacts (user_id, client_id) select id, coffee from core.users where email = 'cliente@faena.example';
    insert into desk.clients (name, calendar_id, without_contract) values ('Hospital San Roque', always, 'serve');
end $demo$;
