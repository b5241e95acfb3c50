-- Removes the results of old sweeps.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select began_at, job_id from core.sweeps
    where began_at < $1 and (began_at, job_id) > (coalesce($2, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
    order by began_at, job_id
    limit $4
), gone as (
    delete from core.sweeps s using found where s.job_id = found.job_id and not $5 returning 1
), last as (
    select began_at, job_id from found order by began_at desc, job_id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select began_at from last) as last_at,
    (select job_id::text from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
