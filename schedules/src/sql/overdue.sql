-- Schedules that an operator must be told of: a tick is long due and undecided, or the last one's job was refused.
--   $1 seconds that any tick may be late
select name, job, next_at, jitter_s, refused, clock_timestamp() as now
from faena.schedules
where deleted_at is null and paused_at is null and expression is not null
    and (next_at < clock_timestamp() - make_interval(secs => $1 + jitter_s) or refused is not null)
order by next_at
limit 100
