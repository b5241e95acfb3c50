-- How many of the months from the present one to $1 months later have no partition of tickets.
select count(*)
from generate_series(0, $1) n
cross join lateral (select date_trunc('month', now() at time zone 'UTC') + make_interval(months => n) as begins) month
where to_regclass('desk.tickets_' || to_char(month.begins, 'YYYY_MM')) is null
