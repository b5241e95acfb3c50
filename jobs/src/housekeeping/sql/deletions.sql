-- Removes the record of who had jobs deleted long ago, and of what else was asked of those jobs: others took theirs along, and these have gone without. One
-- that was enqueued under its own id again keeps the rest.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select asked_at, id, job_id from faena.commands
    where verb = 'delete' and asked_at < $1 and (asked_at, id) > (coalesce($2, '-infinity'), coalesce($3::bigint, 0))
    order by asked_at, id
    limit $4
), gone as (
    delete from faena.commands c using found where c.id = found.id and not $5 returning 1
), gone_too as (
    delete from faena.commands c where c.verb <> 'delete' and c.job_id in (select job_id from found) and not $5
        and not exists (select from faena.outbox o where o.id = c.job_id) and not exists (select from faena.jobs j where j.id = c.job_id)
), last as (
    select asked_at, id from found order by asked_at desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select asked_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
