-- Takes those of them that nobody else is deciding about, in the order of their names.
--   $1 names
select name, source, expression, time_zone, job, args::text as args, catch_up, within_s, jitter_s, settled_to, next_at, refused,
    paused_at, paused_by, created_by, edited_at, edited_by, version, deleted_at, clock_timestamp() as now
from faena.schedules
where name = any($1) and next_at <= clock_timestamp() and deleted_at is null and expression is not null
order by name
for update skip locked
