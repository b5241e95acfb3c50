-- A schedule under a free name; one that was deleted lets go of its own.
--   $1 name  $2 source  $3 expression  $4 time zone  $5 job  $6 args  $7 catch up  $8 within  $9 jitter  $10 settled to  $11 next at  $12 by
insert into faena.schedules as s
    (name, source, expression, time_zone, job, args, catch_up, within_s, jitter_s, settled_to, next_at, created_by)
values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12)
on conflict (name) do update
set (source, expression, time_zone, job, args, catch_up, within_s, jitter_s, settled_to, next_at, created_by) =
        (excluded.source, excluded.expression, excluded.time_zone, excluded.job, excluded.args, excluded.catch_up, excluded.within_s,
         excluded.jitter_s, excluded.settled_to, excluded.next_at, excluded.created_by),
    version = s.version + 1, watched_from = clock_timestamp(), refused = null,
    paused_at = null, paused_by = null, edited_at = null, edited_by = null, deleted_at = null, deleted_by = null
where s.deleted_at is not null
returning version
