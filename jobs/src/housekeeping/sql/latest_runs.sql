-- Of each of the jobs $1 the latest run that is over, and the latest that only counted.
select r.job_id, r.job, r.dry_run, r.began_at, r.finished_at, 'completed' as ended, r.looked_at, r.counts
from unnest($1::text[]) k (job)
cross join unnest(array[false, true]) d (dry_run)
cross join lateral (
    select * from core.sweeps s
    where s.job = k.job and s.dry_run = d.dry_run and s.finished_at is not null
    order by s.began_at desc, s.job_id desc
    limit 1
) r
