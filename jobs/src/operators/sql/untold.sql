-- Notices that have stood for a while and that operators were not told of; they are from here on. One that had cleared and came back within half an hour of
-- when it was told waits until that is over, and is told then if it stands still.
with untold as (
    insert into core.told_notices as t (key, since)
    select key, since from faena.notices where since < clock_timestamp() - $1
    on conflict (key) do update set since = excluded.since, told_at = clock_timestamp(), over_at = null
    where t.over_at is not null and t.told_at < clock_timestamp() - interval '30 minutes'
    returning key
)
select n.key, n.message, n.since from untold join faena.notices n using (key) order by n.since, n.key
