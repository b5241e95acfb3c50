-- Removes a job from the ledger with its attempts, unless somebody has promised it anew. Its effect row stays until it is old.
--   $1 job id
with taken as (
    select j.id from faena.jobs j where j.id = $1 and not exists (select from faena.outbox o where o.id = j.id) for update
), gone_attempts as (
    delete from faena.attempts a using taken t where a.job_id = t.id
)
delete from faena.jobs j using taken t where j.id = t.id
