-- A page of runs of housekeeping, the latest first.
--   $1 of which job, or of all · $2 the last run of the page before · $3 how many
select s.job_id, s.job, s.dry_run, s.began_at, s.finished_at, j.state as ended, s.looked_at, s.counts
from core.sweeps s
left join faena.jobs j on j.id = s.job_id
where ($1::text is null or s.job = $1)
  and ($2::uuid is null or (s.began_at, s.job_id) < (select l.began_at, l.job_id from core.sweeps l where l.job_id = $2))
order by s.began_at desc, s.job_id desc
limit $3
