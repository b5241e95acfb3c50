-- The report has been read. Reports of long ago go meanwhile, a few at a time: what they told stands in mail.bounces.
--   $1 its id · $2 how many letters of ours it told of
with old as (
    select id
    from mail.reports
    where received_at < clock_timestamp() - interval '90 days' and id <> $1
    order by received_at
    limit 20
    for update skip locked
), swept as (
    delete from mail.reports r using old where r.id = old.id
)
update mail.reports set read_at = clock_timestamp(), found = $2 where id = $1
