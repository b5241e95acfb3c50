-- Removes jobs from the ledger, and what stands beside them. One that an operator has taken out of it meanwhile, to run it again, keeps
-- everything, and so does one whose id has been promised anew.
--   $1 ids, which Redis did not know a moment ago · $2 ended before · $3 dry run: count only · $4 state
with old as (
    select j.id from faena.jobs j
    where j.id = any($1) and j.state = $4 and j.ended_at < $2 and not exists (select from faena.outbox o where o.id = j.id)
), taken as (
    select j.id from faena.jobs j join old using (id) where not $3 order by j.id for update of j skip locked
), gone_attempts as (
    delete from faena.attempts a using taken t where a.job_id = t.id returning 1
), gone_effects as (
    delete from faena.effects e using taken t where e.job_id = t.id returning 1
), gone_commands as (
    delete from faena.commands c using taken t where c.job_id = t.id returning 1
), gone as (
    -- The counts of ended jobs are locked when the statement ends, and so for no longer than its commit takes: the recorder writes them, too.
    delete from faena.jobs j using taken t where j.id = t.id returning 1
)
select
    case when $3 then (select count(*) from old) else (select count(*) from gone) end as jobs,
    case when $3 then (select count(*) from faena.attempts a join old on old.id = a.job_id) else (select count(*) from gone_attempts) end as attempts,
    case when $3 then (select count(*) from faena.effects e join old on old.id = e.job_id) else (select count(*) from gone_effects) end as effects,
    case when $3 then (select count(*) from faena.commands c join old on old.id = c.job_id) else (select count(*) from gone_commands) end as commands
