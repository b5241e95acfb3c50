-- Schedules with the last row of each one's ledger, by name.
--   $1 this one alone  $2 after this name  $3 at most so many  $4 those of these kinds of jobs alone
select s.name, s.source, s.expression, s.time_zone, s.job, s.args::text as args, s.catch_up, s.within_s, s.jitter_s,
    coalesce(s.settled_to, s.watched_from) as settled_to, s.next_at, s.refused, s.paused_at, s.paused_by, s.created_by, s.edited_at,
    s.edited_by, s.version, s.deleted_at, clock_timestamp() as now,
    last.tick, last.last_tick, last.ticks, last.fired_at, last.late_ms, last.job_id, last.run_at, last.asked_by, last.reason, last.detail,
    last.duplicate_of
from faena.schedules s
left join lateral (
    select t.*, floor(extract(epoch from t.fired_at - t.tick) * 1000)::bigint as late_ms
    from faena.schedule_ticks t
    where t.schedule = s.name
    order by t.tick desc
    limit 1
) last on true
where s.deleted_at is null and s.expression is not null
    and ($1::text is null or s.name = $1) and ($2::text is null or s.name > $2) and ($4::text[] is null or s.job = any($4))
order by s.name
limit $3
