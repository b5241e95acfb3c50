-- Notices that operators were told of and that have cleared. One that came back and was not told of again has no end to tell.
with forgotten as (
    delete from core.told_notices where over_at < clock_timestamp() - interval '1 day'
)
update core.told_notices t set over_at = clock_timestamp()
where over_at is null and not exists (select from faena.notices n where n.key = t.key)
returning key, since
