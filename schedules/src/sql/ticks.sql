-- A schedule's ledger, the latest first.
--   $1 schedule  $2 before this instant  $3 at most so many
select tick, last_tick, ticks, fired_at, floor(extract(epoch from fired_at - tick) * 1000)::bigint as late_ms, job_id, run_at, asked_by,
    reason, detail, duplicate_of
from faena.schedule_ticks
where schedule = $1 and ($2::timestamptz is null or tick < $2)
order by tick desc
limit $3
