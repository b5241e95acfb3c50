-- One schedule, for whoever is about to change it.
--   $1 name
select name, source, expression, time_zone, job, args::text as args, catch_up, within_s, jitter_s,
    -- Where only an older worker has written: what it fired last, or since when it has watched.
    coalesce(settled_to, (select max(t.tick) from faena.schedule_ticks t where t.schedule = s.name), watched_from) as settled_to,
    next_at, refused, paused_at, paused_by, created_by, edited_at, edited_by, version, deleted_at, clock_timestamp() as now
from faena.schedules s
where name = $1
for update
