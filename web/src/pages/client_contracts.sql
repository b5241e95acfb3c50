-- The contracts of client $1, the latest first, with where each stands today by the client's own calendar's clock.
select k.id, k.reference, k.starts_on, k.ends_on,
    case when k.starts_on > t.today then 'ahead' when k.ends_on < t.today then 'over' else 'present' end as standing
from desk.contracts k
join desk.clients c on c.id = k.client_id
join desk.calendars cal on cal.id = c.calendar_id
cross join lateral (select (now() at time zone cal.time_zone)::date as today) t
where k.client_id = $1
order by k.starts_on desc
limit 200
