-- Removes what is older than the ledger of ticks goes back.
--   $1 days  $2 at most so many
delete from faena.schedule_ticks
where (schedule, tick) in (
    select schedule, tick from faena.schedule_ticks
    where tick < clock_timestamp() - make_interval(days => $1) and coalesce(last_tick, tick) < clock_timestamp() - make_interval(days => $1)
    order by tick
    limit $2
    for update skip locked
)
