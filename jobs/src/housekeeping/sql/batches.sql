-- Removes batches that ended long ago, with what they know of their jobs: of some 50,000 at a time, or of one batch. What an operator runs again after
-- that is of none. One that nothing has ever joined has no end; it is as old as its beginning.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with old as (
    select over_at, id, sum(jobs) over (order by over_at, id) - jobs as jobs_before
    from (
        select coalesce(ended_at, begun_at) as over_at, id from faena.batches o
        where coalesce(ended_at, begun_at) < $1
            and (coalesce(ended_at, begun_at), id) > (coalesce($2, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
            and (ended_at is not null or not exists (select from faena.batch_jobs j where j.batch_id = o.id))
        order by coalesce(ended_at, begun_at), id
        limit $4
    ) b cross join lateral (select count(*) as jobs from faena.batch_jobs j where j.batch_id = b.id) counted
), found as (
    select over_at, id from old where jobs_before < 50000
), gone as (
    delete from faena.batches b using found where b.id = found.id and not $5 returning 1
), last as (
    select over_at, id from found order by over_at desc, id desc limit 1
)
select
    (select count(*) from old) as looked_at,
    (select over_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
