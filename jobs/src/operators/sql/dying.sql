-- Schedules whose jobs have died twice in a row or more, up to the last that has ended; of each the last twenty are looked at. One that was cancelled, or was
-- a duplicate, counts neither way; one that the ledger has forgotten was none that died.
with looked_at as (
    select s.name as schedule, t.tick, j.name as job, coalesce(j.state, 'completed') as state
    from faena.schedules s
    cross join lateral (
        select tick, job_id from faena.schedule_ticks
        where schedule = s.name and job_id is not null and duplicate_of is null
        order by tick desc
        limit 20
    ) t
    left join faena.jobs j on j.id = t.job_id
    where s.deleted_at is null and not exists (select from faena.outbox o where o.id = t.job_id) and coalesce(j.state, 'completed') <> 'cancelled'
)
select schedule, max(job) as job, count(*) as times
from looked_at died
where state = 'dead'
    and not exists (select from looked_at later where later.schedule = died.schedule and later.tick > died.tick and later.state <> 'dead')
group by schedule
having count(*) >= 2
order by schedule
