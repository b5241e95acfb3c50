-- Until when tickets have room, without a gap from the present month on: the beginning of the first month that has no partition, looked for up to ten years
-- ahead.
select min(month.begins) at time zone 'UTC'
from generate_series(0, 120) n
cross join lateral (select date_trunc('month', now() at time zone 'UTC') + make_interval(months => n) as begins) month
where n = 120
    or not exists (
        select from pg_inherits
        where inhparent = 'desk.tickets'::regclass and inhrelid = to_regclass('desk.tickets_' || to_char(month.begins, 'YYYY_MM'))
    )
