-- Notices that have stood for a while and that operators were not told of; they are from here on. One that had cleared and came back is told
-- again only when it was told half an hour ago.
with untold as (
    insert into core.told_notices as t (key, since)
    select key, since from faena.notices where since < clock_timestamp() - $1
    on conflict (key) do update set
        since = excluded.since,
        told_at = case when t.told_at < clock_timestamp() - interval '30 minutes' then clock_timestamp() else t.told_at end,
        over_at = null
    where t.over_at is not null
    returning key, told_at >= statement_timestamp() as is_told
)
select n.key, n.message, n.since from untold join faena.notices n using (key) where untold.is_told order by n.since, n.key
