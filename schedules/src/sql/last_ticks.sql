-- The last tick of each schedule, or since when it is watched, and what time it is. Whole seconds: a tick has no fraction.
--   $1 names
select s.name, coalesce((select max(t.tick) from faena.schedule_ticks t where t.schedule = s.name), s.watched_from) as last,
    date_trunc('second', clock_timestamp()) as now
from faena.schedules s
where s.name = any($1)
