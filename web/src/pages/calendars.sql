-- Calendars by their names, with how many clients are served by each, and the next holiday.
select c.id, c.name, c.time_zone, c.is_always_open,
    (select count(*) from desk.clients k where k.calendar_id = c.id) as clients,
    h.day as holiday, h.name as holiday_name
from desk.calendars c
left join lateral (
    select day, name from desk.calendar_holidays
    where calendar_id = c.id and day >= (now() at time zone c.time_zone)::date
    order by day
    limit 1
) h on true
order by lower(c.name), c.id
limit 500
