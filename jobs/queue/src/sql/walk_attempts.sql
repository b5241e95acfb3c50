-- The next attempts, by their jobs' ids, and whether neither a promise nor the ledger knows the job. Where there is an effect, the walk along
-- effects has been there.
--   $1 the last id seen (null: from the start) · $2 how many at most
select f.job_id, o.id is null and j.id is null and e.job_id is null as is_nobodys
from (
    select job_id from faena.attempts where job_id > coalesce($1, '00000000-0000-0000-0000-000000000000') order by job_id limit $2
) f
left join faena.outbox o on o.id = f.job_id
left join faena.jobs j on j.id = f.job_id
left join faena.effects e on e.job_id = f.job_id
order by f.job_id
