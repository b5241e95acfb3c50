-- Ticks in a row that do not fire. They lengthen the ledger's last row when that was missed for the same reason.
--   $1 schedule  $2 first  $3 last  $4 how many  $5 reason  $6 detail
with latest as (
    select tick, reason, detail from faena.schedule_ticks
    where schedule = $1 and asked_by is null
    order by tick desc
    limit 1
), lengthened as (
    update faena.schedule_ticks t
    set last_tick = $3, ticks = t.ticks + $4, noted_at = clock_timestamp()
    from latest
    where t.schedule = $1 and t.tick = latest.tick and latest.tick < $2
        and latest.reason = $5 and latest.detail is not distinct from $6
    returning t.tick
)
insert into faena.schedule_ticks (schedule, tick, last_tick, ticks, reason, detail, fired_at)
select $1, $2, nullif($3, $2), $4, $5, $6, null
where not exists (select from lengthened)
on conflict do nothing
