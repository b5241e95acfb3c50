-- Removes reports of which there is no file any more, long after.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select finished_at, id from core.reports
    where state in ('failed', 'cancelled', 'expired') and finished_at < $1
        and (finished_at, id) > (coalesce($2, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
    order by finished_at, id
    limit $4
), taken as (
    select r.id from core.reports r join found using (id)
    where not $5 and r.state in ('failed', 'cancelled', 'expired') order by r.id for update of r skip locked
), gone as (
    delete from core.reports r using taken where r.id = taken.id returning 1
), last as (
    select finished_at, id from found order by finished_at desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select finished_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
