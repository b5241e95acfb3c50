-- Removes reports about letters that were read long ago; those that nobody could read stay.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select received_at, id, read_at is not null as goes from mail.reports
    where received_at < $1 and (received_at, id) > (coalesce($2, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
    order by received_at, id
    limit $4
), taken as (
    select r.id from mail.reports r join found using (id) where not $5 and goes order by r.id for update of r skip locked
), gone as (
    delete from mail.reports r using taken where r.id = taken.id returning 1
), last as (
    select received_at, id from found order by received_at desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select received_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found where goes) else (select count(*) from gone) end as gone
