-- Removes batches that ended long ago, with what they know of their jobs: of some 50,000 at a time, or of one batch. What an operator runs again after
-- that is of none.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with old as (
    select ended_at, id, sum(jobs) over (order by ended_at, id) - jobs as jobs_before
    from (
        select ended_at, id from faena.batches
        where ended_at < $1 and (ended_at, id) > (coalesce($2, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
        order by ended_at, id
        limit $4
    ) b cross join lateral (select count(*) as jobs from faena.batch_jobs j where j.batch_id = b.id) counted
), found as (
    select ended_at, id from old where jobs_before < 50000
), gone as (
    delete from faena.batches b using found where b.id = found.id and not $5 returning 1
), last as (
    select ended_at, id from found order by ended_at desc, id desc limit 1
)
select
    (select count(*) from old) as looked_at,
    (select ended_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
